-- talos:no-transaction
DROP INDEX CONCURRENTLY idx_issued_api_keys_expires;

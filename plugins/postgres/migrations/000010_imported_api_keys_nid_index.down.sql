-- talos:no-transaction
DROP INDEX CONCURRENTLY idx_imported_api_keys_nid;

-- Listing a tenant's keys, and deleting a tenant, read a narrow index.
-- talos:no-transaction
CREATE INDEX CONCURRENTLY idx_imported_api_keys_nid ON imported_api_keys (nid);

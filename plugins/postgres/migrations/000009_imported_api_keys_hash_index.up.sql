-- Verifying an imported key looks it up by its hash.
-- talos:no-transaction
CREATE INDEX CONCURRENTLY idx_imported_api_keys_hash ON imported_api_keys (key_id, nid, status);

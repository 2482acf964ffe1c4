-- Verifying an imported key looks it up by its hash.
CREATE INDEX idx_imported_api_keys_hash ON imported_api_keys (key_id, nid, status);

-- The sweep for expired keys reads only keys that can expire.
CREATE INDEX idx_imported_api_keys_expires ON imported_api_keys (expires_at, status, nid)
WHERE expires_at IS NOT NULL;

-- Listing a tenant's keys, and deleting a tenant, read a narrow index.
CREATE INDEX idx_imported_api_keys_nid ON imported_api_keys (nid);

-- Listing a tenant's keys, and deleting a tenant, read a narrow index.
CREATE INDEX idx_issued_api_keys_nid ON issued_api_keys (nid);

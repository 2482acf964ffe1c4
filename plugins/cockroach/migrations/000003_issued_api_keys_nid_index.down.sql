DROP INDEX idx_issued_api_keys_nid;

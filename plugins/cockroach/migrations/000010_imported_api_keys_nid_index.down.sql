DROP INDEX idx_imported_api_keys_nid;

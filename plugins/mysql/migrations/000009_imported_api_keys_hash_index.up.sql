-- Verifying an imported key looks it up by its hash.
ALTER TABLE imported_api_keys
  ADD INDEX idx_imported_api_keys_hash (key_id, nid, status), ALGORITHM=INPLACE, LOCK=NONE;

-- Listing a tenant's keys, and deleting a tenant, read a narrow index.
ALTER TABLE imported_api_keys
  ADD INDEX idx_imported_api_keys_nid (nid), ALGORITHM=INPLACE, LOCK=NONE;

-- Listing a tenant's keys, and deleting a tenant, read a narrow index.
ALTER TABLE issued_api_keys
  ADD INDEX idx_issued_api_keys_nid (nid), ALGORITHM=INPLACE, LOCK=NONE;

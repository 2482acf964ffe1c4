-- The sweep for expired keys finds them by the time at which they expire.
ALTER TABLE imported_api_keys
  ADD INDEX idx_imported_api_keys_expires (expires_at, status, nid), ALGORITHM=INPLACE, LOCK=NONE;

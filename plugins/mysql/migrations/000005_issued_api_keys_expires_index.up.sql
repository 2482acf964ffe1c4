-- The sweep for expired keys finds them by the time at which they expire.
ALTER TABLE issued_api_keys
  ADD INDEX idx_issued_api_keys_expires (expires_at, status, nid), ALGORITHM=INPLACE, LOCK=NONE;

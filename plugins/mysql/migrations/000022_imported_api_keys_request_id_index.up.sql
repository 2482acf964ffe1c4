-- A repeated request must find the key it made the first time, not make another. NULLs repeat.
ALTER TABLE imported_api_keys
  ADD UNIQUE INDEX idx_imported_api_keys_request_id (nid, request_id), ALGORITHM=INPLACE, LOCK=NONE;

-- A repeated request must find the key it made the first time, not make another.
CREATE UNIQUE INDEX idx_imported_api_keys_request_id ON imported_api_keys (nid, request_id)
WHERE request_id IS NOT NULL;

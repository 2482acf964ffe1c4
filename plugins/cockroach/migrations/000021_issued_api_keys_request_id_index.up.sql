-- A repeated request must find the key it made the first time, not make another.
CREATE UNIQUE INDEX idx_issued_api_keys_request_id ON issued_api_keys (nid, request_id)
WHERE request_id IS NOT NULL;

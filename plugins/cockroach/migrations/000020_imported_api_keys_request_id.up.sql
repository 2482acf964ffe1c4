-- Names the request that made a key, so that a client may send it again.
ALTER TABLE imported_api_keys ADD COLUMN request_id VARCHAR(36);

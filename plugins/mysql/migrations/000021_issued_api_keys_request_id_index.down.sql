ALTER TABLE issued_api_keys DROP INDEX idx_issued_api_keys_request_id, ALGORITHM=INPLACE, LOCK=NONE;

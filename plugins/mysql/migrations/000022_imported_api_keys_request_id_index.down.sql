ALTER TABLE imported_api_keys DROP INDEX idx_imported_api_keys_request_id, ALGORITHM=INPLACE, LOCK=NONE;

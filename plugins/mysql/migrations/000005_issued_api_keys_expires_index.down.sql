ALTER TABLE issued_api_keys DROP INDEX idx_issued_api_keys_expires, ALGORITHM=INPLACE, LOCK=NONE;

ALTER TABLE issued_api_keys DROP INDEX idx_issued_api_keys_nid, ALGORITHM=INPLACE, LOCK=NONE;

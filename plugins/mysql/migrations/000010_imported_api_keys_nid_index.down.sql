ALTER TABLE imported_api_keys DROP INDEX idx_imported_api_keys_nid, ALGORITHM=INPLACE, LOCK=NONE;

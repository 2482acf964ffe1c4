ALTER TABLE imported_api_keys DROP COLUMN revocation_reason_text, ALGORITHM=INPLACE, LOCK=NONE;

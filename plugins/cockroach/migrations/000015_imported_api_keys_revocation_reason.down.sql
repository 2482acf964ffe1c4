ALTER TABLE imported_api_keys DROP COLUMN revocation_reason;

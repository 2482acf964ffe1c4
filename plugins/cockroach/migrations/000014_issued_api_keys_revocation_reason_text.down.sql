ALTER TABLE issued_api_keys DROP COLUMN revocation_reason_text;

ALTER TABLE issued_api_keys DROP COLUMN visibility;

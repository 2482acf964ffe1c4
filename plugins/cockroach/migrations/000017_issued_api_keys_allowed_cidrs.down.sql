ALTER TABLE issued_api_keys DROP COLUMN allowed_cidrs;

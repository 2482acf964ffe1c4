ALTER TABLE imported_api_keys DROP COLUMN allowed_cidrs;

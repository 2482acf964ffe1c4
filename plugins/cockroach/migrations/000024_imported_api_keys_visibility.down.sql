ALTER TABLE imported_api_keys DROP COLUMN visibility;

ALTER TABLE imported_api_keys DROP COLUMN request_id;

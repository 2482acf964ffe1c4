ALTER TABLE issued_api_keys DROP COLUMN request_id;

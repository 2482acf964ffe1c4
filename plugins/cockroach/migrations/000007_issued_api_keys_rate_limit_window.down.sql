ALTER TABLE issued_api_keys DROP COLUMN rate_limit_window;

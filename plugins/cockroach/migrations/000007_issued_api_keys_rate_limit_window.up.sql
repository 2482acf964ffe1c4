-- The window that rate_limit_quota counts in, in seconds.
ALTER TABLE issued_api_keys ADD COLUMN rate_limit_window BIGINT;

-- A limit of a key's own: so many requests in a window. NULL: the default applies.
ALTER TABLE issued_api_keys ADD COLUMN rate_limit_quota BIGINT;

-- A key may be bound to address ranges, a JSON array. NULL: it may be used from anywhere.
ALTER TABLE imported_api_keys ADD COLUMN allowed_cidrs JSONB;

-- A key is secret (1) or may be shown, as in a web page (2). All keys before this are secret.
ALTER TABLE imported_api_keys ADD COLUMN visibility INTEGER NOT NULL DEFAULT 1;

-- What the person who revoked a key wrote about it.
ALTER TABLE imported_api_keys ADD COLUMN revocation_reason_text VARCHAR(500);

-- Why a key was revoked; 0: not said, as for all keys revoked before this.
ALTER TABLE imported_api_keys ADD COLUMN revocation_reason INTEGER NOT NULL DEFAULT 0;

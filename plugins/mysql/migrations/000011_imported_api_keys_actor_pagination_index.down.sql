ALTER TABLE imported_api_keys DROP INDEX idx_imported_api_keys_actor_pagination, ALGORITHM=INPLACE, LOCK=NONE;

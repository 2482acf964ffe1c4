ALTER TABLE issued_api_keys DROP INDEX idx_issued_api_keys_actor_pagination, ALGORITHM=INPLACE, LOCK=NONE;

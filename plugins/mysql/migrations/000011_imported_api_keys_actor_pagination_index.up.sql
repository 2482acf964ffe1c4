-- An actor's keys are listed newest first, a page at a time.
ALTER TABLE imported_api_keys
  ADD INDEX idx_imported_api_keys_actor_pagination (actor_id, nid, status, created_at DESC, key_id DESC), ALGORITHM=INPLACE, LOCK=NONE;

-- An actor's keys are listed newest first, a page at a time.
CREATE INDEX idx_issued_api_keys_actor_pagination
ON issued_api_keys (actor_id, nid, status, created_at DESC, key_id DESC);

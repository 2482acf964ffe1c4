-- Keys that this server made. scopes is a JSON array of strings, metadata an object.
CREATE TABLE issued_api_keys (
  nid VARCHAR(36) NOT NULL,
  key_id VARCHAR(36) NOT NULL,
  name VARCHAR(255) NOT NULL,
  token_prefix VARCHAR(16) NOT NULL,
  version INTEGER NOT NULL,
  actor_id VARCHAR(255),
  scopes JSONB NOT NULL,
  status INTEGER NOT NULL,
  metadata JSONB NOT NULL,
  last_used_at TIMESTAMPTZ,
  expires_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, key_id),
  FOREIGN KEY (nid) REFERENCES networks (id) ON DELETE CASCADE
);

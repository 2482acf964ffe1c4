-- Keys made elsewhere, known only by the hash of the key: key_id is its SHA-512/256 in hex.
CREATE TABLE imported_api_keys (
  nid VARCHAR(36) NOT NULL,
  key_id VARCHAR(64) NOT NULL,
  name VARCHAR(255) NOT NULL,
  actor_id VARCHAR(255),
  scopes JSONB NOT NULL,
  status INTEGER NOT NULL,
  metadata JSONB NOT NULL,
  last_used_at TIMESTAMPTZ,
  expires_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  rate_limit_quota BIGINT,
  rate_limit_window BIGINT,
  PRIMARY KEY (nid, key_id),
  FOREIGN KEY (nid) REFERENCES networks (id) ON DELETE CASCADE
);

-- Keys that this server made. scopes and metadata hold JSON text; timestamps are UTC.
CREATE TABLE issued_api_keys (
  nid VARCHAR(36) NOT NULL,
  key_id VARCHAR(36) NOT NULL,
  name VARCHAR(255) NOT NULL,
  token_prefix VARCHAR(16) NOT NULL,
  version INTEGER NOT NULL,
  actor_id VARCHAR(255),
  scopes BLOB NOT NULL,
  status INTEGER NOT NULL,
  metadata BLOB NOT NULL,
  last_used_at DATETIME,
  expires_at DATETIME,
  created_at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL,
  PRIMARY KEY (nid, key_id),
  FOREIGN KEY (nid) REFERENCES networks (id) ON DELETE CASCADE
);

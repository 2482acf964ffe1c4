-- Keys that this server made. scopes is a JSON array of strings, metadata an object.
CREATE TABLE issued_api_keys (
  nid VARCHAR(36) NOT NULL,
  key_id VARCHAR(36) NOT NULL,
  name VARCHAR(255) NOT NULL,
  token_prefix VARCHAR(16) NOT NULL,
  version INTEGER NOT NULL,
  actor_id VARCHAR(255),
  scopes JSON NOT NULL,
  status INTEGER NOT NULL,
  metadata JSON NOT NULL,
  last_used_at DATETIME(6),
  expires_at DATETIME(6),
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, key_id),
  FOREIGN KEY (nid) REFERENCES networks (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

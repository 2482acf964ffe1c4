-- Every key belongs to a tenant. The application inserts the rows, also that of the single tenant.
CREATE TABLE networks (
  id VARCHAR(36) NOT NULL PRIMARY KEY,
  created_at DATETIME NOT NULL,
  updated_at DATETIME NOT NULL
);

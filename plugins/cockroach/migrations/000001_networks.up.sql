-- Every key belongs to a tenant. The application inserts the rows, also that of the single tenant.
CREATE TABLE networks (
  id VARCHAR(36) NOT NULL PRIMARY KEY,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);

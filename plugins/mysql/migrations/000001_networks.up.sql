-- Every key belongs to a tenant. The application inserts the rows, also that of the single tenant.
CREATE TABLE networks (
  id VARCHAR(36) NOT NULL PRIMARY KEY,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE settings (name, value);
INSERT INTO settings VALUES ('colour', 'blue');

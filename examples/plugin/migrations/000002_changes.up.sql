-- Later than the settings themselves.
CREATE TABLE changes (name, at);

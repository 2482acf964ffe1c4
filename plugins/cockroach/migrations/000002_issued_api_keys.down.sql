DROP TABLE issued_api_keys;

DROP TABLE imported_api_keys;

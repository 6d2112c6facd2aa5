"""Files of source code: language, licence, what is generated, minified, vendored or data; signals and profile `code`."""

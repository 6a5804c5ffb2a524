"""Forms of output: tables, YAML, JSON, JSONPath, templates. Pure: objects in, text out; knows no flags and no server."""

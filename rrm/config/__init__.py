"""Configuration: its schema, and how it is read, overridden and checked."""

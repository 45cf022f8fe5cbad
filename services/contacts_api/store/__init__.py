"""Rows: one function per statement of queries.sql, of the same name."""

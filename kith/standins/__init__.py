"""Servers that stand in for systems of others, so that tests and the demo need no account."""

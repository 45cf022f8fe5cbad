"""The doors for widgets and channel adapters: refuse what is malformed, accept the rest once."""

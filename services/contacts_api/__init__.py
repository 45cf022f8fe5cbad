"""The REST API, the dashboard and the agent's context: the read side, and the home of settings."""

"""Says whether a claimed identity is proven."""

"""Sees an erasure through every slice and proves it."""

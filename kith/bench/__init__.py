"""Benchmarks: commands, never tests.

Each prints its yardstick, measured in the same run, and the ratio to it.
"""

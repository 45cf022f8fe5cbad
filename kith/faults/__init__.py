"""Faults made on purpose: a stack under a steady stream, broken round by round, and counted.

`kith faults` runs it. `servers` and `proxy` are what is broken, `kinds` how; `load` writes the
`ledger` of what was sent and accepted; `quiet` waits until nothing is under way; `oracle` and
`contacts` compare the ledger with what the stack shows; `rounds` plays, `report` tells.
"""

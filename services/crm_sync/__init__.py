"""Keeps contacts in step with the CRMs that a space is connected to."""

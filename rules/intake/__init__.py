"""Intake: bytes of an event to a checked value, one by one or as columns."""

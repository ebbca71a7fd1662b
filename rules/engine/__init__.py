"""The engine: what a customer's events and days do to its categories."""

"""Event files: which there are, and their records, one by one or in large pieces decoded to columns."""

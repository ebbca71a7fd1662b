"""Bodies as bytes: what the kernel found, written as JSON without an object in between."""

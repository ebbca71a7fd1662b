"""Event files into the input topics: each record to its topic and partition, in the order of time."""

"""Made-up, believable events of all four topics, for tests, demos and benchmarks."""

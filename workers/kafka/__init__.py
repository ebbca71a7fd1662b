"""Kafka for all hosts that are live: clients, topics, reading as columns, writing as batches."""

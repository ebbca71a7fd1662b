"""A shard without Kafka: records and ticks in, bodies and a journal's numbers out."""

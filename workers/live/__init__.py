"""The live service: exactly once from Kafka to Kafka."""

"""A Kafka broker for a demo or tests: embedded, Apache Kafka of this machine, or one that is given."""

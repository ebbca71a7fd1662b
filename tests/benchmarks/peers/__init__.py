"""The same work on Kafka Streams and Flink."""

"""The log as a port, and its implementations: Kafka and memory."""

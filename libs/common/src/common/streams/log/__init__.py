"""The log as a port, and its implementations on Kafka and in memory. Only this package imports aiokafka."""

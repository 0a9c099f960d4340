"""The contract: topics, event bodies, and how they travel on Kafka."""

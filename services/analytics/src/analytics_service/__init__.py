"""The read side: collects videos' numbers, projects every event to MongoDB, answers questions about posts."""

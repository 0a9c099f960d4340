"""The contract: every topic and event, who writes and reads it, and how it is encoded."""

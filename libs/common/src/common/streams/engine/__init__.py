"""The stream runtime: worker, tasks, sessions, state store, effects."""

"""The stream runtime: keyed state machines over a log, with effects that start only from committed state."""

"""A deterministic world for the real tasks: one seed decides every delay, crash and lost answer."""

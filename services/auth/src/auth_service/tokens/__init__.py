"""Token pairs at rest: sealing, the vault's keys, and their rotation."""

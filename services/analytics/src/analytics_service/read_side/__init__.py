"""The read side in MongoDB: `projector` and `store` write it, `queries` reads it, `documents` defines its shape."""

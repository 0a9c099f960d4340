"""Reads a post's source over HTTPS: by ranges, on the public internet only, and always the same file."""

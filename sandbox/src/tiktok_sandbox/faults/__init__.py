"""Rules that make calls fail on purpose: what they may name, which of them match, and how an answer is broken."""

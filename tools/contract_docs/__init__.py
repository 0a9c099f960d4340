"""Generates docs/events and docs/problems.md from the code, so that neither can contradict it."""

"""Sealing secrets and opening access tokens."""

"""The cases, one module for each part of docs/tiktok-api.md."""

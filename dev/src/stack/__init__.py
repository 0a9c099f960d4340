"""The local stack: every part of Postbus as child processes of one machine."""

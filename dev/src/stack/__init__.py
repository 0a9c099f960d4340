"""The local stack: every part of Postbus as child processes of one machine. `stack.local.Stack` is its front."""

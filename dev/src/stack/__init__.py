"""The local stack: Postbus and everything it needs as child processes.

Start reading at `stack.local.Stack`.
"""

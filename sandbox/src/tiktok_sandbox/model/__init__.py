"""The state of the stand-in TikTok and the pure functions that change it.

Nothing here waits, reads a clock or opens a socket: the present time is an argument. `tables` holds everything, the
other modules each hold one kind of row and its rules. Rows are frozen; a change makes a new row, which
`persistence` then saves.
"""

"""Publisher: takes a post from hand-over to verdict and after; the front door for requests over HTTP."""

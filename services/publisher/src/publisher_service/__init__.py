"""Publisher: follows a post from its hand-over to its verdict, and takes requests for posts over HTTP."""

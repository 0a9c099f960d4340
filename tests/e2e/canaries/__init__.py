"""Known secrets, and a search for them everywhere that they must not be."""

"""Web pages for people: the dashboard, and the public pages that API answers link to."""

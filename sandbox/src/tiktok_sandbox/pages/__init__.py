"""Web pages for people: the dashboard, and what API answers link to."""

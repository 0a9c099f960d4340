"""The demo: a real video goes through the whole product, and two services are killed on the way."""

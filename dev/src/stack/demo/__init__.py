"""The demo: a real video through the whole product, with two services killed."""

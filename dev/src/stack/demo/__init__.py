"""The demo: a real video through the whole product, with two kills on the way. `python -m stack.demo` tells it."""

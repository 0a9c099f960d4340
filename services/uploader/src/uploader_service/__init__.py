"""The uploader: takes a post from request to hand-over."""

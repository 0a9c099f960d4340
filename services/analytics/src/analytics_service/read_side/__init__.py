"""The read side in MongoDB.

`projector` writes it by `store`, the edge reads it by `queries`, and `documents` defines its shape.
"""

"""What can go wrong in the uploader that is not a fact about a post.

Errors:
    UploaderError
    ├── OriginRefused    a trusted source in the settings is not `host:port` (a ValueError: validators may raise it)
    └── UrlOver          an upload url came to the end of its life while bytes were sent to it

Beside its port: `uploader_service.sources.problems.SourceFailed` (reading a source stopped).
"""


class UploaderError(Exception):
    """The uploader refuses."""


class UrlOver(UploaderError):
    """No more bytes may be sent to this upload url."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the upload url came to the end of its life within a chunk")


class OriginRefused(UploaderError, ValueError):
    """An origin in a list of settings is not one."""

    def __init__(self, origin: str) -> None:
        """Name it."""
        super().__init__(f"`{origin}` has to read `host:port`")

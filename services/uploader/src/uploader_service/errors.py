"""What can go wrong in the uploader that is not a fact about a post.

Errors:
    UploaderError
    └── OriginRefused    a trusted source in the settings is not `host:port` (a ValueError: validators may raise it)

Beside its port: `uploader_service.source_problems.SourceFailed` (reading a source stopped).
"""


class UploaderError(Exception):
    """The uploader refuses."""


class OriginRefused(UploaderError, ValueError):
    """An origin in a list of settings is not one."""

    def __init__(self, origin: str) -> None:
        """Name it."""
        super().__init__(f"`{origin}` has to read `host:port`")

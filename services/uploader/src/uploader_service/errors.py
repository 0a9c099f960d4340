"""The uploader's exceptions. What happens to a post is a fact instead (`facts.py`).

    UploaderError
    ├── InvalidOrigin       an entry of UPLOADER_TRUSTED_SOURCES is not `host:port` (a ValueError, for pydantic)
    └── UploadUrlExpired    the upload URL expired while a chunk was being sent to it

Beside them: `uploader_service.sources.problems.SourceFailed`, raised while a source is read.
"""


class UploaderError(Exception):
    """Base of the uploader's own exceptions."""


class UploadUrlExpired(UploaderError):
    """No more bytes may be sent to this upload URL."""

    def __init__(self) -> None:
        super().__init__("The upload URL expired while a chunk was being sent; the rest of it was not sent.")


class InvalidOrigin(UploaderError, ValueError):
    """An origin in a setting is not `host:port`."""

    def __init__(self, origin: str) -> None:
        super().__init__(f"Not an origin: `{origin}`. Write `host:port`.")

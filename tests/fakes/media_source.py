"""A media source of zeros."""

from collections.abc import Iterator
from dataclasses import dataclass

from builders.uploader_states import REQUEST
from uploader_service.source_problems import SourceFailed, SourceProblem
from uploader_service.sources import Probed


@dataclass
class Cat:
    """A source of zeros. `breaks_after` this many pieces, once."""

    size: int = 75_000_000
    problem: SourceProblem | None = None
    breaks: SourceProblem | None = None

    def probe(self, url: str) -> Probed | SourceProblem:
        assert url == REQUEST.source.url
        return self.problem or Probed(size=self.size, validator="v1", content_type="video/mp4")

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        assert (url, validator) == (REQUEST.source.url, "v1")
        if self.breaks is not None:
            problem, self.breaks = self.breaks, None
            raise SourceFailed(problem)
        yield f"{first}-{last}".encode()

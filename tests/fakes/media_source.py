"""A media source of zeros."""

from collections.abc import Iterator
from dataclasses import dataclass

from builders.uploader_states import REQUEST
from uploader_service.sources.problems import SourceFailed, SourceProblem
from uploader_service.sources.reader import ProbedSource


@dataclass
class FakeMediaSource:
    """A source of zeros. `breaks_after` this many pieces, once."""

    size: int = 75_000_000
    problem: SourceProblem | None = None
    read_failure: SourceProblem | None = None

    def probe(self, url: str) -> ProbedSource | SourceProblem:
        assert url == REQUEST.source.url
        return self.problem or ProbedSource(size=self.size, validator="v1", content_type="video/mp4")

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        assert (url, validator) == (REQUEST.source.url, "v1")
        if self.read_failure is not None:
            problem, self.read_failure = self.read_failure, None
            raise SourceFailed(problem)
        yield f"{first}-{last}".encode()

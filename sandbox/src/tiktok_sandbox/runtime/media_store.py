"""Stores the bytes of posts in a folder with a size limit.

The oldest posts are evicted first.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

READ_BYTES: Final = 256 * 1024
DEFAULT_BUDGET_BYTES: Final = 2 * 1024**3
_PARTIAL_SUFFIX: Final = ".coming"


class ChunkFile:
    """One chunk being written. It becomes part of the file only on `commit`.

    It is written under a temporary name, so that an aborted upload leaves nothing that looks complete.
    """

    def __init__(self, media: "MediaStore", publish_id: str, path: Path) -> None:
        self._media = media
        self._publish_id = publish_id
        self._path = path
        self._partial_path = path.with_name(f"{path.name}-{id(self):x}{_PARTIAL_SUFFIX}")
        self._file: IO[bytes] | None = None
        self._size = 0
        self._closed = False

    def write(self, piece: bytes) -> None:
        """Write the next bytes.

        A full disk or an exhausted budget drops the stored copy but never fails the upload: storing is a convenience,
        the hash is what counts.
        """
        if self._closed or not self._media.reserve(self._publish_id, len(piece)):
            self.discard()
            return
        self._size += len(piece)
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._partial_path.open("wb", buffering=0)
            self._file.write(piece)
        except OSError:
            self.discard()
            self._media.evict(self._publish_id)

    def commit(self) -> None:
        """Make the chunk part of the stored file."""
        if self._closed or self._file is None:
            return
        self._file.close()
        self._closed = True
        # A chunk may be sent twice at once; the second copy replaces the first.
        if self._path.exists():
            self._media.release(self._publish_id, self._path.stat().st_size)
        try:
            self._partial_path.replace(self._path)
        except FileNotFoundError:
            # The folder was evicted while the chunk was written, and the earlier chunks with it.
            self._media.release(self._publish_id, self._size)

    def discard(self) -> None:
        """Delete what was written. Does nothing after `commit` or a second time."""
        if self._closed:
            return
        self._closed = True
        if self._file is not None:
            self._file.close()
            self._partial_path.unlink(missing_ok=True)
        self._media.release(self._publish_id, self._size)


class MediaStore:
    """One folder for each publication, in it one file for each stored chunk.

    File names are `<part>-<offset of the first byte>`. `used` is the number of bytes stored or being written.
    """

    def __init__(self, folder: Path, budget: int = DEFAULT_BUDGET_BYTES) -> None:
        """Open the folder and count what it holds, oldest publication first."""
        self._folder = folder
        self._budget = budget
        self._evicted: set[str] = set()
        self._sizes: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for each in sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime):
            # Left over from a process that was killed while it wrote.
            for broken in each.glob(f"*{_PARTIAL_SUFFIX}"):
                broken.unlink()
            self._sizes[each.name] = sum(file.stat().st_size for file in each.iterdir())
        self.used = sum(self._sizes.values())

    def open_chunk(self, publish_id: str, first: int, part: int = 0) -> ChunkFile:
        """Start to write a chunk at offset `first` of a publication's file number `part`.

        A video has one file, a photo post several.
        """
        return ChunkFile(self, publish_id, self._folder / publish_id / f"{part:02d}-{first:012d}")

    def reserve(self, publish_id: str, size: int) -> bool:
        """Count bytes that are about to be written and evict older posts if needed.

        Return False if the budget is too small even so; the publication itself is then evicted.
        """
        if publish_id in self._evicted:
            return False
        while self.used + size > self._budget:
            # Dicts keep insertion order, so the first key is the oldest publication.
            oldest = next(iter(self._sizes), publish_id)
            self.evict(oldest)
            if oldest == publish_id:
                return False
        self._sizes[publish_id] = self._sizes.get(publish_id, 0) + size
        self.used += size
        return True

    def release(self, publish_id: str, size: int) -> None:
        """Uncount bytes that were reserved and are gone."""
        if publish_id in self._sizes:
            self._sizes[publish_id] -= size
            self.used -= size

    def evict(self, publish_id: str) -> None:
        """Delete everything of a publication, and store nothing of it again."""
        self._evicted.add(publish_id)
        self.used -= self._sizes.pop(publish_id, 0)
        shutil.rmtree(self._folder / publish_id, ignore_errors=True)

    def length(self, publish_id: str, part: int = 0) -> int:
        """Return how many bytes are stored from offset 0 without a gap."""
        end = 0
        for first, path in self._chunks(publish_id, part):
            # Chunks of a second upload attempt may lie after a gap.
            if first != end:
                break
            end += path.stat().st_size
        return end

    def read(self, publish_id: str, span: range, part: int = 0) -> Iterator[bytes]:
        """Yield the stored bytes of a range of one file."""
        for first, path in self._chunks(publish_id, part):
            begin, end = max(span.start, first), min(span.stop, first + path.stat().st_size)
            if begin >= end:
                continue
            with path.open("rb") as file:
                file.seek(begin - first)
                while begin < end and (piece := file.read(min(READ_BYTES, end - begin))):
                    begin += len(piece)
                    yield piece

    def digest(self, publish_id: str, size: int) -> "hashlib._Hash | None":
        """Return the running SHA-256 of a video's first `size` bytes.

        None if some of them are not stored.

        A hash in progress cannot be saved. After a restart an upload continues only if its hash can be rebuilt from
        here.
        """
        if self.length(publish_id) < size:
            return None
        digest = hashlib.sha256()
        for piece in self.read(publish_id, range(size)):
            digest.update(piece)
        return digest

    def _chunks(self, publish_id: str, part: int) -> list[tuple[int, Path]]:
        """Return offset and path of each stored chunk of a file, in order."""
        if publish_id not in self._sizes:
            return []
        found = sorted((self._folder / publish_id).glob(f"{part:02d}-*[0-9]"))
        return [(int(path.name.partition("-")[2]), path) for path in found if not path.name.endswith(_PARTIAL_SUFFIX)]

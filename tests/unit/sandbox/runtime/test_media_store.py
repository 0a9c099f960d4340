"""Stored media: exactly the committed chunks, within a budget."""

from pathlib import Path

from tiktok_sandbox.runtime.media_store import MediaStore


def _keep(media: MediaStore, publish_id: str, *chunks: bytes, part: int = 0) -> None:
    first = 0
    for chunk in chunks:
        taking = media.open_chunk(publish_id, first, part)
        taking.write(chunk)
        taking.commit()
        first += len(chunk)


def _everything(media: MediaStore, publish_id: str, part: int = 0) -> bytes:
    return b"".join(media.read(publish_id, range(media.length(publish_id, part)), part))


def test_chunks_make_one_file_across_a_restart(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    _keep(media, "a", b"abcd", b"efgh", b"ij")
    _keep(media, "a", b"other", part=1)

    again = MediaStore(tmp_path)

    assert _everything(again, "a") == b"abcdefghij"
    assert _everything(again, "a", 1) == b"other"
    assert b"".join(again.read("a", range(3, 9))) == b"defghi"
    assert again.used == media.used == 15


def test_discarded_chunk_leaves_nothing(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    straggler, winner = media.open_chunk("a", 0), media.open_chunk("a", 0)
    straggler.write(b"12")
    winner.write(b"abc")
    winner.commit()
    straggler.write(b"3")
    straggler.discard()

    assert _everything(media, "a") == b"abc"
    assert media.used == 3
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["00-000000000000"]


def test_partial_chunks_are_removed_at_the_start(tmp_path: Path) -> None:
    taking = MediaStore(tmp_path).open_chunk("a", 0)
    taking.write(b"half")

    assert MediaStore(tmp_path).used == 0
    taking.discard()


def test_oldest_post_is_evicted_when_the_budget_is_used_up(tmp_path: Path) -> None:
    media = MediaStore(tmp_path, budget=10)
    _keep(media, "old", b"1234")
    _keep(media, "new", b"5678")

    _keep(media, "newest", b"9012")

    assert [media.length(each) for each in ("old", "new", "newest")] == [0, 4, 4]
    assert media.used == 8


def test_file_larger_than_the_budget_is_not_stored(tmp_path: Path) -> None:
    media = MediaStore(tmp_path, budget=10)
    _keep(media, "large", b"123456", b"789012")

    assert (media.length("large"), media.used) == (0, 0)
    assert list(tmp_path.iterdir()) == []


def test_digest_needs_every_stored_byte(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    _keep(media, "a", b"abc")

    digest = media.digest("a", 3)

    assert digest is not None
    assert digest.hexdigest() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert media.digest("a", 4) is None

"""What the ledger says about one post."""

from stack.demo.stand_in import Begun, Ledger, Posted


def begun(publish_id: str, *, title: str = "mine", stored: int = 0, read: int = 0) -> Begun:
    return Begun(publish_id=publish_id, title=title, size=100, chunk_size=10, uploaded_bytes=stored, bytes_read=read)


def posted(publish_id: str, *, title: str = "mine") -> Posted:
    return Posted(publish_id=publish_id, title=title, sha256="00", bytes=100)


def test_only_what_has_the_title_counts() -> None:
    ledger = Ledger(
        posts=(posted("1"), posted("2", title="another")), inits=(begun("1"), begun("2", title="another"))
    ).about("mine")
    assert [post.publish_id for post in ledger.posts] == ["1"]
    assert [init.publish_id for init in ledger.inits] == ["1"]


def test_inits_that_became_nothing_are_dead() -> None:
    ledger = Ledger(posts=(posted("2"),), inits=(begun("1"), begun("2", stored=100, read=100)))
    assert ledger.dead_inits == 1
    assert (ledger.stored, ledger.chunk_size) == (100, 10)


def test_what_was_read_and_not_stored_broke_off() -> None:
    assert Ledger(inits=(begun("1", stored=40, read=46),)).broken_off == 6

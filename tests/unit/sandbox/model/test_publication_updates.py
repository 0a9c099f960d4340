"""The changes of a publication, one by one."""

from tiktok_sandbox.model import publication_updates
from tiktok_sandbox.model.chunk_plan import ChunkPlan
from tiktok_sandbox.model.publications import PUBLIC, File, Mode, PostInfo, Publication, PublicPeriod, is_public
from tiktok_sandbox.model.settings import Delays

FILES = (File(sha256="a", size=7), File(sha256="b", size=3))


def publication(mode: Mode = Mode.DIRECT_POST, level: str = PUBLIC) -> Publication:
    return Publication(
        publish_id="p",
        post_id=1,
        open_id="o",
        mode=mode,
        post_info=PostInfo(privacy_level=level),
        plan=ChunkPlan(size=10, chunk_size=10, count=1),
        delays=Delays(processing=10, public=100),
        inited_at=0.0,
    )


def test_processing_of_a_direct_post_adds_its_post() -> None:
    processed = publication_updates.with_processing(publication(), FILES, "", 5.0)

    [post] = processed.posts
    assert (processed.uploaded_bytes, post.posted_at) == (10, 15.0)
    assert post.public_periods == (PublicPeriod(since=115.0),)


def test_processing_of_a_draft_or_a_failure_adds_no_post() -> None:
    draft = publication_updates.with_processing(publication(Mode.MEDIA_UPLOAD), FILES, "", 5.0)
    failed = publication_updates.with_processing(publication(), FILES, "internal", 5.0)

    assert (draft.posts, failed.posts) == ((), ())


def test_failure_removes_the_posts() -> None:
    processed = publication_updates.with_processing(publication(), FILES, "", 5.0)

    failed = publication_updates.with_failure(processed, "internal", 20.0)

    assert failed.posts == ()
    assert failed.failure is not None
    assert (failed.failure.at, failed.failure.reason) == (20.0, "internal")


def test_takedown_ends_the_public_period() -> None:
    [post] = publication_updates.with_processing(publication(), FILES, "", 5.0).posts

    removed = publication_updates.taken_down(post, 200.0)

    assert is_public(post, 200.0)
    assert not is_public(removed, 200.0)
    assert removed.taken_down_at == 200.0


def test_removed_post_cannot_become_public_again() -> None:
    [post] = publication_updates.with_processing(publication(), FILES, "", 5.0).posts
    removed = publication_updates.taken_down(post, 200.0)

    shown = publication_updates.with_privacy_level(removed, PUBLIC, Delays(), 300.0)

    assert not is_public(shown, 400.0)


def test_post_that_was_public_needs_no_second_moderation() -> None:
    [post] = publication_updates.with_processing(publication(), FILES, "", 5.0).posts
    hidden = publication_updates.with_privacy_level(post, "SELF_ONLY", Delays(public=100), 200.0)

    shown = publication_updates.with_privacy_level(hidden, PUBLIC, Delays(public=100), 300.0)

    assert not is_public(hidden, 250.0)
    assert is_public(shown, 300.0)


def test_post_that_is_public_for_the_first_time_is_moderated() -> None:
    [post] = publication_updates.with_processing(publication(level="SELF_ONLY"), FILES, "", 5.0).posts

    shown = publication_updates.with_privacy_level(post, PUBLIC, Delays(public=100), 300.0)

    assert (is_public(shown, 399.0), is_public(shown, 400.0)) == (False, True)

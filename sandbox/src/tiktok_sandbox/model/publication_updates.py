"""The changes of a publication: progress, failure, posting, visibility.

Each function returns a new publication or post; none changes its argument.
"""

from msgspec import structs

from tiktok_sandbox.model.publications import PUBLIC, Failure, File, Post, Processing, Publication, PublicPeriod
from tiktok_sandbox.model.settings import Delays


def with_transferred_bytes(publication: Publication, transferred: int) -> Publication:
    """Set the progress: bytes of stored chunks, or of the download so far."""
    return structs.replace(publication, uploaded_bytes=transferred)


def with_processing(publication: Publication, files: tuple[File, ...], fail_reason: str, now: float) -> Publication:
    """Set the result of processing, which takes effect after the publication's delays."""
    decided_at = now + publication.delays.processing
    processing = Processing(
        received_at=now,
        decided_at=decided_at,
        public_at=decided_at + publication.delays.public,
        # The video, or the first of the photos: what tests compare with the bytes they sent.
        sha256=files[0].sha256,
        fail_reason=fail_reason,
        files=files,
    )
    size = sum(each.size for each in files)
    there = structs.replace(publication, uploaded_bytes=size, processing=processing)
    # A draft becomes a post only when its creator posts it.
    if fail_reason or publication.is_draft:
        return there
    return _with_new_post(there, publication.post_id, publication.post_info.privacy_level, decided_at)


def _with_new_post(publication: Publication, post_id: int, level: str, posted_at: float) -> Publication:
    shown = (PublicPeriod(since=posted_at + publication.delays.public),) if level == PUBLIC else ()
    post = Post(post_id=post_id, privacy_level=level, posted_at=posted_at, public_periods=shown)
    return structs.replace(publication, posts=(*publication.posts, post))


def with_draft_posted(publication: Publication, post_id: int, level: str, now: float) -> Publication:
    """Add a post: the creator found the draft in the inbox and posted it."""
    return _with_new_post(publication, post_id, level, now)


def with_failure(publication: Publication, reason: str, now: float) -> Publication:
    """End the publication with a failure; what was scheduled is cancelled."""
    return structs.replace(publication, failure=Failure(at=now, reason=reason), posts=())


def taken_down(post: Post, now: float) -> Post:
    """Return a post that TikTok or its creator removed."""
    return structs.replace(_hidden(post, now), taken_down_at=now)


def with_privacy_level(post: Post, level: str, delays: Delays, now: float) -> Post:
    """Return a post with another privacy level.

    A post that becomes public for the first time waits for moderation first.
    """
    changed = structs.replace(post, privacy_level=level)
    if level != PUBLIC:
        return _hidden(changed, now)
    if post.taken_down_at is not None or (post.public_periods and post.public_periods[-1].until is None):
        return changed
    # Moderation has already seen a post that was public before.
    since = now if post.public_periods else now + delays.public
    return structs.replace(changed, public_periods=(*post.public_periods, PublicPeriod(since=since)))


def _hidden(post: Post, now: float) -> Post:
    """End or drop the post's current public period."""
    if not post.public_periods or post.public_periods[-1].until is not None:
        return post
    *earlier, last = post.public_periods
    # A period that has not begun is dropped; one that has begun ends now.
    ended = () if last.since > now else (structs.replace(last, until=now),)
    return structs.replace(post, public_periods=(*earlier, *ended))


def with_post(publication: Publication, post: Post) -> Publication:
    """Replace one of the publication's posts."""
    posts = tuple(post if each.post_id == post.post_id else each for each in publication.posts)
    return structs.replace(publication, posts=posts)

"""What can happen to a publication: bytes start_processing, it fails, people post it, show it and hide it."""

from msgspec import structs

from tiktok_sandbox.model.publications import PUBLIC, Failure, File, Post, Processing, Publication, PublicPeriod
from tiktok_sandbox.model.settings import Delays


def with_transferred_bytes(publication: Publication, transferred: int) -> Publication:
    """More bytes are there: whole stored chunks of an upload, or whatever was fetched."""
    return structs.replace(publication, uploaded_bytes=transferred)


def with_processing(publication: Publication, files: tuple[File, ...], fail_reason: str, now: float) -> Publication:
    """Every byte is there; the verdict follows after the delays, however often anyone asks."""
    decided_at = now + publication.delays.processing
    processing = Processing(
        received_at=now,
        decided_at=decided_at,
        public_at=decided_at + publication.delays.public,
        sha256=files[0].sha256,
        fail_reason=fail_reason,
        files=files,
    )
    size = sum(each.size for each in files)
    there = structs.replace(publication, uploaded_bytes=size, processing=processing)
    if fail_reason or publication.is_draft:
        return there
    return _with_new_post(there, publication.post_id, publication.post_info.privacy_level, decided_at)


def _with_new_post(publication: Publication, post_id: int, level: str, posted_at: float) -> Publication:
    shown = (PublicPeriod(since=posted_at + publication.delays.public),) if level == PUBLIC else ()
    post = Post(post_id=post_id, privacy_level=level, posted_at=posted_at, public_periods=shown)
    return structs.replace(publication, posts=(*publication.posts, post))


def with_draft_posted(publication: Publication, post_id: int, level: str, now: float) -> Publication:
    """The creator found the draft in the inbox and posted it."""
    return _with_new_post(publication, post_id, level, now)


def with_failure(publication: Publication, reason: str, now: float) -> Publication:
    """It ends here, whatever was scheduled_webhooks."""
    return structs.replace(publication, failure=Failure(at=now, reason=reason), posts=())


def taken_down(post: Post, now: float) -> Post:
    """TikTok or the creator removed it."""
    return structs.replace(_hidden(post, now), taken_down_at=now)


def with_privacy_level(post: Post, level: str, delays: Delays, now: float) -> Post:
    """The creator changed who may see it; moderation looks at what was never public before."""
    changed = structs.replace(post, privacy_level=level)
    if level != PUBLIC:
        return _hidden(changed, now)
    if post.taken_down_at is not None or (post.public_periods and post.public_periods[-1].until is None):
        return changed
    since = now if post.public_periods else now + delays.public
    return structs.replace(changed, public_periods=(*post.public_periods, PublicPeriod(since=since)))


def _hidden(post: Post, now: float) -> Post:
    if not post.public_periods or post.public_periods[-1].until is not None:
        return post
    *earlier, last = post.public_periods
    # What was still to come never happens; what was true ends now.
    ended = () if last.since > now else (structs.replace(last, until=now),)
    return structs.replace(post, public_periods=(*earlier, *ended))


def with_post(publication: Publication, post: Post) -> Publication:
    """One of its posts is another now."""
    posts = tuple(post if each.post_id == post.post_id else each for each in publication.posts)
    return structs.replace(publication, posts=posts)

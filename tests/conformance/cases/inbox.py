"""2.3: drafts in the creator's inbox."""

from conformance.book import case
from conformance.reply import has_keys, holds, refused, same
from conformance.stage import Stage
from conformance.wishes import EVERYONE, PUBLISH, by_file, by_url, movie

INBOX = f"{PUBLISH}inbox/video/init/"
FULL = "spam_risk_too_many_pending_share"


@case("2.3", "a draft needs source_info only")
def _(stage: Stage) -> None:
    has_keys(stage.account().inbox().data, ["publish_id", "upload_url"])


@case("2.3", "a caption and a level sent along change nothing")
def _(stage: Stage) -> None:
    body = {"source_info": by_file(9), "post_info": {"title": "for nobody", "privacy_level": "NOBODY"}}
    same(stage.account().call(INBOX, body).code, "ok")


@case(
    "2.3",
    "a draft with {body} is invalid_params",
    body={"no source_info": {}, "no JSON": b"{", "another source": {"source_info": {"source": "X"}}},
)
def _(stage: Stage, body: object) -> None:
    refused(stage.account().call(INBOX, body), 400, "invalid_params")


@case("2.3", "the chunk rules hold for drafts")
def _(stage: Stage) -> None:
    refused(stage.account().inbox(by_file(10_000_000, 5_242_880, 2)), 400, "invalid_params")


@case("2.3", "url_ownership_unverified holds for drafts")
def _(stage: Stage) -> None:
    refused(stage.account().inbox(by_url(stage.file(movie(9)))), 403, "url_ownership_unverified")


@case("2.3", "spam_risk_user_banned_from_posting holds for drafts")
def _(stage: Stage) -> None:
    refused(stage.account(banned=True).inbox(), 403, "spam_risk_user_banned_from_posting")


@case("2.3", "a draft arrives in the inbox, and nothing is posted by itself")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.processed(draft=True)
    stage.advance(86_400)
    account.expect(publish_id, "SEND_TO_USER_INBOX", publicaly_available_post_id=None)
    same(stage.ledger(publish_id), [])


@case("2.3", "five drafts may wait, the sixth is too many")
def _(stage: Stage) -> None:
    account = stage.account()
    for _ in range(5):
        same(account.inbox().code, "ok")
    refused(account.again().inbox(), 403, FULL)


@case("2.3", "drafts that arrived wait as much as drafts without bytes")
def _(stage: Stage) -> None:
    account = stage.account()
    for _ in range(5):
        account.processed(draft=True)
    refused(account.again().inbox(), 403, FULL)


@case("2.3", "drafts of one person wait together, whichever app sent them")
def _(stage: Stage) -> None:
    account = stage.account()
    elsewhere = stage.account(stage.app(), username=account.username)
    for each in (account, account, account, elsewhere, elsewhere):
        same(each.inbox().code, "ok")
    refused(elsewhere.inbox(), 403, FULL)


@case("2.3", "somebody else's drafts do not count")
def _(stage: Stage) -> None:
    account = stage.account()
    for _ in range(5):
        account.inbox()
    same(stage.account(account.app).inbox().code, "ok")


@case("2.3", "direct posts do not count as waiting drafts")
def _(stage: Stage) -> None:
    account = stage.account()
    for _ in range(6):
        account.init()
    same(account.inbox().code, "ok")


@case("2.3", "a draft that was posted waits no longer")
def _(stage: Stage) -> None:
    account = stage.account()
    first = account.processed(draft=True)
    for _ in range(4):
        account.inbox()
    refused(account.again().inbox(), 403, FULL)
    stage.publication(first, "post", privacy_level=EVERYONE)
    same(account.again().inbox().code, "ok")


@case("2.3", "a draft that failed waits no longer")
def _(stage: Stage) -> None:
    account = stage.account()
    first = account.uploaded(draft=True)
    for _ in range(4):
        account.inbox()
    stage.publication(first, "fail", reason="internal")
    same(account.again().inbox().code, "ok")


@case("2.3", "after 24 hours a draft counts no longer")
def _(stage: Stage) -> None:
    account = stage.account()
    for _ in range(5):
        account.inbox()
    stage.advance(86_390)
    refused(account.again().inbox(), 403, FULL)
    stage.advance(20)
    same(account.again().inbox().code, "ok")


@case("2.3", "drafts do not use up the day's posts")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    account.processed(draft=True)
    same(account.init().code, "ok")


@case("2.3", "a day used up for direct posts still takes drafts")
def _(stage: Stage) -> None:
    same(stage.account(posted_elsewhere=15).inbox().code, "ok")


@case("2.3", "an unaudited app may send drafts, which a person may post to everyone")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(audited=False))
    publish_id = account.processed(draft=True)
    stage.publication(publish_id, "post", privacy_level=EVERYONE)
    stage.advance(100)
    holds(account.video_id(publish_id), "no public post")


@case("2.3", "a person may post a draft for fewer than everyone")
def _(stage: Stage) -> None:
    account = stage.account()
    publish_id = account.processed(draft=True)
    stage.publication(publish_id, "post", privacy_level="SELF_ONLY")
    stage.advance(100)
    account.expect(publish_id, "PUBLISH_COMPLETE", publicaly_available_post_id=None)
    same(stage.ledger(publish_id)[0]["privacy_level"], "SELF_ONLY")


@case("2.3", "a draft can be fetched")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(verified_urls=["media.conformance.example"]))
    publish_id = account.inbox(by_url(stage.file(movie(500)))).data["publish_id"]
    found = account.fetched(publish_id)
    same((found["status"], found["downloaded_bytes"]), ("SEND_TO_USER_INBOX", 500))

"""2.3: drafts in the creator's inbox."""

from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys, check_refused
from conformance.request_bodies import EVERYONE, PUBLISH, file_source, mp4_bytes, url_source
from conformance.scenario import Scenario

INBOX = f"{PUBLISH}inbox/video/init/"
FULL = "spam_risk_too_many_pending_share"


@case("2.3", "a draft needs source_info only")
def _(scenario: Scenario) -> None:
    check_keys(scenario.account().inbox().data, ["publish_id", "upload_url"])


@case("2.3", "a caption and a level sent along change nothing")
def _(scenario: Scenario) -> None:
    body = {"source_info": file_source(9), "post_info": {"title": "for no one", "privacy_level": "NO_ONE"}}
    check_equal(scenario.account().call(INBOX, body).code, "ok")


@case(
    "2.3",
    "a draft with {body} is invalid_params",
    body={"no source_info": {}, "no JSON": b"{", "another source": {"source_info": {"source": "X"}}},
)
def _(scenario: Scenario, body: object) -> None:
    check_refused(scenario.account().call(INBOX, body), 400, "invalid_params")


@case("2.3", "the chunk rules hold for drafts")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account().inbox(file_source(10_000_000, 5_242_880, 2)), 400, "invalid_params")


@case("2.3", "url_ownership_unverified holds for drafts")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account().inbox(url_source(scenario.file(mp4_bytes(9)))), 403, "url_ownership_unverified")


@case("2.3", "spam_risk_user_banned_from_posting holds for drafts")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account(banned=True).inbox(), 403, "spam_risk_user_banned_from_posting")


@case("2.3", "a draft arrives in the inbox and is not posted by itself")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process(draft=True)
    scenario.advance(86_400)
    account.check_status(publish_id, "SEND_TO_USER_INBOX", publicaly_available_post_id=None)
    check_equal(scenario.ledger(publish_id), [])


@case("2.3", "five drafts may wait, the sixth is too many")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    for _ in range(5):
        check_equal(account.inbox().code, "ok")
    check_refused(account.with_new_token().inbox(), 403, FULL)


@case("2.3", "drafts that arrived wait as much as drafts without bytes")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    for _ in range(5):
        account.upload_and_process(draft=True)
    check_refused(account.with_new_token().inbox(), 403, FULL)


@case("2.3", "drafts of one person wait together, whichever app sent them")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    elsewhere = scenario.account(scenario.app(), username=account.username)
    for each in (account, account, account, elsewhere, elsewhere):
        check_equal(each.inbox().code, "ok")
    check_refused(elsewhere.inbox(), 403, FULL)


@case("2.3", "another person's drafts do not count")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    for _ in range(5):
        account.inbox()
    check_equal(scenario.account(account.app).inbox().code, "ok")


@case("2.3", "direct posts do not count as waiting drafts")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    for _ in range(6):
        account.init()
    check_equal(account.inbox().code, "ok")


@case("2.3", "a draft that was posted waits no longer")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    first = account.upload_and_process(draft=True)
    for _ in range(4):
        account.inbox()
    check_refused(account.with_new_token().inbox(), 403, FULL)
    scenario.publication(first, "post", privacy_level=EVERYONE)
    check_equal(account.with_new_token().inbox().code, "ok")


@case("2.3", "a draft that failed waits no longer")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    first = account.upload_video(draft=True)
    for _ in range(4):
        account.inbox()
    scenario.publication(first, "fail", reason="internal")
    check_equal(account.with_new_token().inbox().code, "ok")


@case("2.3", "after 24 hours a draft counts no longer")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    for _ in range(5):
        account.inbox()
    scenario.advance(86_390)
    check_refused(account.with_new_token().inbox(), 403, FULL)
    scenario.advance(20)
    check_equal(account.with_new_token().inbox().code, "ok")


@case("2.3", "drafts do not use up the day's posts")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    account.upload_and_process(draft=True)
    check_equal(account.init().code, "ok")


@case("2.3", "a day used up for direct posts still takes drafts")
def _(scenario: Scenario) -> None:
    check_equal(scenario.account(posted_elsewhere=15).inbox().code, "ok")


@case("2.3", "drafts of an unaudited app can be posted to everyone")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(audited=False))
    publish_id = account.upload_and_process(draft=True)
    scenario.publication(publish_id, "post", privacy_level=EVERYONE)
    scenario.advance(100)
    check(account.video_id(publish_id), "no public post")


@case("2.3", "a person may post a draft for fewer than everyone")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process(draft=True)
    scenario.publication(publish_id, "post", privacy_level="SELF_ONLY")
    scenario.advance(100)
    account.check_status(publish_id, "PUBLISH_COMPLETE", publicaly_available_post_id=None)
    check_equal(scenario.ledger(publish_id)[0]["privacy_level"], "SELF_ONLY")


@case("2.3", "a draft can be fetched")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(verified_urls=["media.conformance.example"]))
    publish_id = account.inbox(url_source(scenario.file(mp4_bytes(500)))).data["publish_id"]
    found = account.wait_for_download(publish_id)
    check_equal((found["status"], found["downloaded_bytes"]), ("SEND_TO_USER_INBOX", 500))

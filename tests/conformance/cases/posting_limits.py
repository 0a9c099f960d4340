"""2.8: how much a creator, an app and an unaudited app may post."""

from conformance.case_registry import case
from conformance.checks import check_equal, check_refused
from conformance.request_bodies import EVERYONE, file_source
from conformance.scenario import App, Scenario

DAY = "spam_risk_too_many_posts"
ACTIVE = "reached_active_user_cap"
PRIVATE_ONLY = "unaudited_client_can_only_post_to_private_accounts"


@case("2.8", "the 16th post of a day is spam_risk_too_many_posts")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    for _ in range(15):
        account.with_new_token().upload_video()
    check_refused(account.init(), 403, DAY)


@case("2.8", "a creator's day may be shorter or longer")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=2)
    account.upload_video()
    account.upload_video()
    check_refused(account.init(), 403, DAY)
    scenario.creator_account(account.username, daily_post_cap=3)
    check_equal(account.init().code, "ok")


@case("2.8", "all apps share a creator's day")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    account.upload_video()
    check_refused(scenario.account(scenario.app(), username=account.username).init(), 403, DAY)


@case("2.8", "apps beyond these use up a creator's day, too")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=15, posted_elsewhere=14)
    account.upload_video()
    check_refused(account.init(), 403, DAY)


@case("2.8", "24 hours after a post its place is free again")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    account.upload_video()
    scenario.advance(86_390)
    check_refused(account.with_new_token().init(), 403, DAY)
    scenario.advance(20)
    check_equal(account.with_new_token().init().code, "ok")


@case("2.8", "an init without bytes uses up nothing of the day")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    account.init()
    check_equal(account.init().code, "ok")


@case("2.8", "what failed uses up nothing of the day")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    scenario.publication(account.upload_video(), "fail", reason="internal")
    check_equal(account.init().code, "ok")


@case("2.8", "what TikTok could not process uses up nothing of the day")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    with scenario.rule(endpoint="processing", action="error", code="internal", open_id=account.open_id):
        account.check_status(account.upload_and_process(), "FAILED", fail_reason="internal")
    check_equal(account.init().code, "ok")


@case("2.8", "private posts use up the day like public ones")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    account.upload_video(privacy_level="SELF_ONLY")
    check_refused(account.init(), 403, DAY)


@case("2.8", "another creator has a day of their own")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    account.upload_video()
    check_equal(scenario.account(account.app).init().code, "ok")


def _private(scenario: Scenario, app: App) -> str:
    return scenario.account(app, private_account=True).init(privacy_level="SELF_ONLY").code


@case("2.8", "unaudited: the sixth creator is reached_active_user_cap")
def _(scenario: Scenario) -> None:
    app = scenario.app(audited=False)
    check_equal([_private(scenario, app) for _ in range(6)], ["ok"] * 5 + [ACTIVE])


@case("2.8", "an audited app without a figure has no such limit")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    check_equal({_private(scenario, app) for _ in range(8)}, {"ok"})


@case("2.8", "an audited app's own figure holds")
def _(scenario: Scenario) -> None:
    app = scenario.app(active_creator_cap=2)
    check_equal([_private(scenario, app) for _ in range(3)], ["ok", "ok", ACTIVE])


@case("2.8", "an active creator may post when the cap is reached")
def _(scenario: Scenario) -> None:
    app = scenario.app(active_creator_cap=1)
    account = scenario.account(app)
    account.init()
    check_refused(scenario.account(app).init(), 403, ACTIVE)
    check_equal(account.init().code, "ok")


@case("2.8", "24 hours later the active creators are counted again")
def _(scenario: Scenario) -> None:
    app = scenario.app(active_creator_cap=1)
    scenario.account(app).init()
    scenario.advance(86_410)
    check_equal(scenario.account(app).init().code, "ok")


@case("2.8", "each app counts its own active creators")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(active_creator_cap=1))
    account.init()
    check_equal(scenario.account(scenario.app(active_creator_cap=1)).init().code, "ok")


@case("2.8", "drafts do not make a creator active")
def _(scenario: Scenario) -> None:
    app = scenario.app(active_creator_cap=1)
    scenario.account(app).inbox()
    check_equal(scenario.account(app).init().code, "ok")


@case("2.8", "an unaudited app cannot post to a public account")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(audited=False))
    check_refused(account.init(privacy_level="SELF_ONLY"), 403, PRIVATE_ONLY)


@case("2.8", "an unaudited app can post SELF_ONLY to a private account")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(audited=False), private_account=True)
    check_equal(account.init(privacy_level="SELF_ONLY").code, "ok")


@case(
    "2.8",
    "an unaudited app cannot post to {level} of a private account",
    level=["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS"],
)
def _(scenario: Scenario, level: str) -> None:
    account = scenario.account(scenario.app(audited=False), private_account=True)
    check_refused(account.init(privacy_level=level), 403, PRIVATE_ONLY)


@case("2.8", "an unaudited app can post to an account made private")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(audited=False))
    check_refused(account.init(privacy_level="SELF_ONLY"), 403, PRIVATE_ONLY)
    scenario.creator_account(account.username, private_account=True)
    check_equal(account.init(privacy_level="SELF_ONLY").code, "ok")


@case("2.8", "after its audit an app posts to everyone")
def _(scenario: Scenario) -> None:
    app = scenario.app(audited=False)
    account = scenario.account(app)
    check_refused(account.init(), 403, PRIVATE_ONLY)
    scenario.replace_app(app, audited=True, redirect_uris=["http://127.0.0.1:*/callback"])
    check_equal(account.init().code, "ok")


@case("2.8", "after the audit an old private post stays private")
def _(scenario: Scenario) -> None:
    app = scenario.app(audited=False)
    account = scenario.account(app, private_account=True)
    publish_id = account.post_publicly(privacy_level="SELF_ONLY")
    scenario.replace_app(app, audited=True, redirect_uris=["http://127.0.0.1:*/callback"])
    scenario.creator_account(account.username)
    account.check_status(publish_id, "PUBLISH_COMPLETE", publicaly_available_post_id=None)
    scenario.publication(publish_id, "visibility", privacy_level=EVERYONE)
    scenario.advance(100)
    check_equal(len(account.with_new_token().status(publish_id).data["publicaly_available_post_id"]), 1)


@case("2.8", "a ban that is lifted lets post again")
def _(scenario: Scenario) -> None:
    account = scenario.account(banned=True)
    check_refused(account.init(file_source(9)), 403, "spam_risk_user_banned_from_posting")
    scenario.creator_account(account.username)
    check_equal(account.init(file_source(9)).code, "ok")

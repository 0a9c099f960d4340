"""2.8: how much a creator, an app and an app nobody audited may post."""

from conformance.book import case
from conformance.reply import refused, same
from conformance.stage import App, Stage
from conformance.wishes import EVERYONE, by_file

DAY = "spam_risk_too_many_posts"
ACTIVE = "reached_active_user_cap"
PRIVATE_ONLY = "unaudited_client_can_only_post_to_private_accounts"


@case("2.8", "15 posts a day are usual, the 16th is spam_risk_too_many_posts")
def _(stage: Stage) -> None:
    account = stage.account()
    for _ in range(15):
        account.again().uploaded()
    refused(account.init(), 403, DAY)


@case("2.8", "a creator's day may be shorter or longer")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=2)
    account.uploaded()
    account.uploaded()
    refused(account.init(), 403, DAY)
    stage.person(account.username, daily_post_cap=3)
    same(account.init().code, "ok")


@case("2.8", "all apps share a creator's day")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    account.uploaded()
    refused(stage.account(stage.app(), username=account.username).init(), 403, DAY)


@case("2.8", "apps beyond these use up a creator's day, too")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=15, posted_elsewhere=14)
    account.uploaded()
    refused(account.init(), 403, DAY)


@case("2.8", "24 hours after a post its place is free again")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    account.uploaded()
    stage.advance(86_390)
    refused(account.again().init(), 403, DAY)
    stage.advance(20)
    same(account.again().init().code, "ok")


@case("2.8", "an init without bytes uses up nothing of the day")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    account.init()
    same(account.init().code, "ok")


@case("2.8", "what failed uses up nothing of the day")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    stage.publication(account.uploaded(), "fail", reason="internal")
    same(account.init().code, "ok")


@case("2.8", "what TikTok could not process uses up nothing of the day")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    with stage.rule(endpoint="processing", action="error", code="internal", open_id=account.open_id):
        account.expect(account.processed(), "FAILED", fail_reason="internal")
    same(account.init().code, "ok")


@case("2.8", "private posts use up the day like public ones")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    account.uploaded(privacy_level="SELF_ONLY")
    refused(account.init(), 403, DAY)


@case("2.8", "another creator has a day of their own")
def _(stage: Stage) -> None:
    account = stage.account(daily_post_cap=1)
    account.uploaded()
    same(stage.account(account.app).init().code, "ok")


def _private(stage: Stage, app: App) -> str:
    return stage.account(app, private_account=True).init(privacy_level="SELF_ONLY").code


@case("2.8", "an unaudited app has five active creators a day, the sixth is reached_active_user_cap")
def _(stage: Stage) -> None:
    app = stage.app(audited=False)
    same([_private(stage, app) for _ in range(6)], ["ok"] * 5 + [ACTIVE])


@case("2.8", "an audited app without a figure has no such limit")
def _(stage: Stage) -> None:
    app = stage.app()
    same({_private(stage, app) for _ in range(8)}, {"ok"})


@case("2.8", "an audited app's own figure holds")
def _(stage: Stage) -> None:
    app = stage.app(active_creator_cap=2)
    same([_private(stage, app) for _ in range(3)], ["ok", "ok", ACTIVE])


@case("2.8", "an active creator stays welcome when the day's creators are used up")
def _(stage: Stage) -> None:
    app = stage.app(active_creator_cap=1)
    account = stage.account(app)
    account.init()
    refused(stage.account(app).init(), 403, ACTIVE)
    same(account.init().code, "ok")


@case("2.8", "24 hours later the active creators are counted anew")
def _(stage: Stage) -> None:
    app = stage.app(active_creator_cap=1)
    stage.account(app).init()
    stage.advance(86_410)
    same(stage.account(app).init().code, "ok")


@case("2.8", "each app counts its own active creators")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(active_creator_cap=1))
    account.init()
    same(stage.account(stage.app(active_creator_cap=1)).init().code, "ok")


@case("2.8", "drafts make nobody an active creator")
def _(stage: Stage) -> None:
    app = stage.app(active_creator_cap=1)
    stage.account(app).inbox()
    same(stage.account(app).init().code, "ok")


@case("2.8", "an unaudited app cannot post to a public account, not even SELF_ONLY")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(audited=False))
    refused(account.init(privacy_level="SELF_ONLY"), 403, PRIVATE_ONLY)


@case("2.8", "an unaudited app can post SELF_ONLY to a private account")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(audited=False), private_account=True)
    same(account.init(privacy_level="SELF_ONLY").code, "ok")


@case(
    "2.8",
    "an unaudited app cannot post to {level} of a private account",
    level=["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS"],
)
def _(stage: Stage, level: str) -> None:
    account = stage.account(stage.app(audited=False), private_account=True)
    refused(account.init(privacy_level=level), 403, PRIVATE_ONLY)


@case("2.8", "an account made private in time is good enough for an unaudited app")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(audited=False))
    refused(account.init(privacy_level="SELF_ONLY"), 403, PRIVATE_ONLY)
    stage.person(account.username, private_account=True)
    same(account.init(privacy_level="SELF_ONLY").code, "ok")


@case("2.8", "after its audit an app posts to everyone")
def _(stage: Stage) -> None:
    app = stage.app(audited=False)
    account = stage.account(app)
    refused(account.init(), 403, PRIVATE_ONLY)
    stage.change(app, audited=True, redirect_uris=["http://127.0.0.1:*/callback"])
    same(account.init().code, "ok")


@case("2.8", "after the audit an old private post stays private until its person shows it")
def _(stage: Stage) -> None:
    app = stage.app(audited=False)
    account = stage.account(app, private_account=True)
    publish_id = account.posted(privacy_level="SELF_ONLY")
    stage.change(app, audited=True, redirect_uris=["http://127.0.0.1:*/callback"])
    stage.person(account.username)
    account.expect(publish_id, "PUBLISH_COMPLETE", publicaly_available_post_id=None)
    stage.publication(publish_id, "visibility", privacy_level=EVERYONE)
    stage.advance(100)
    same(len(account.again().status(publish_id).data["publicaly_available_post_id"]), 1)


@case("2.8", "a ban that is lifted lets post again")
def _(stage: Stage) -> None:
    account = stage.account(banned=True)
    refused(account.init(by_file(9)), 403, "spam_risk_user_banned_from_posting")
    stage.person(account.username)
    same(account.init(by_file(9)).code, "ok")

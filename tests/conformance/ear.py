"""An app that listens: what it hears, and what the sandbox says it was told."""

import json
from dataclasses import dataclass
from typing import Any

from conformance.account import Account
from conformance.outside import Heard, Told
from conformance.place import eventually
from conformance.stage import App, Stage

COMPLETE = "post.publish.complete"
FAILED = "post.publish.failed"
INBOX = "post.publish.inbox_delivered"
PUBLIC_NOW = "post.publish.publicly_available"
NO_LONGER = "post.publish.no_longer_publicaly_available"
REMOVED = "authorization.removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """An app with an address of ours."""

    stage: Stage
    app: App
    path: str

    def deliveries(self) -> list[dict[str, Any]]:
        """What the sandbox says it sends to this app."""
        found = self.stage.place.admin("GET", f"webhooks?client_key={self.app.client_key}").json["deliveries"]
        assert isinstance(found, list)
        return found

    def heard(self) -> list[Heard]:
        """Everything that came, once nothing more is on its way."""
        eventually(lambda: all(each["state"] != "waiting" for each in self.deliveries()), what="the end of deliveries")
        return self.stage.place.outside.heard(self.path)

    def events(self) -> list[str]:
        """The names of what came, in order."""
        return [body_of(each)["event"] for each in self.heard()]

    def only(self, event: str) -> dict[str, Any]:
        """What one event of that name said in its content."""
        found = [body_of(each) for each in self.heard()]
        (told,) = [each for each in found if each["event"] == event]
        content: dict[str, Any] = json.loads(told["content"])
        return content

    def tried(self, count: int) -> dict[str, Any]:
        """The only delivery, once it was tried so often."""

        def look() -> dict[str, Any] | None:
            found = self.deliveries()
            return found[0] if found and len(found[0]["attempts"]) >= count else None

        found = eventually(look, what=f"attempt {count}")
        assert found is not None
        return found


def ear_of(stage: Stage, *answers: Told, **settings: Any) -> Ear:
    path = f"/{stage.fresh('hook')}"
    stage.place.outside.tell(path, *(answers or (Told(),)))
    app = stage.app(webhook_url=f"http://{stage.place.outside.address}{path}", **settings)
    return Ear(stage=stage, app=app, path=path)


def body_of(heard: Heard) -> dict[str, Any]:
    """The body of a webhook."""
    found: dict[str, Any] = json.loads(heard.body)
    return found


def posted(stage: Stage, **post_info: Any) -> tuple[Ear, Account, str]:
    """A direct post whose moderation is over, and who was told of it."""
    ear = ear_of(stage)
    account = stage.account(ear.app)
    return ear, account, account.posted(**post_info)

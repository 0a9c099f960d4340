"""An app with a webhook: the requests it receives, and the deliveries that the sandbox reports."""

import json
from dataclasses import dataclass
from typing import Any

from conformance.account import Account
from conformance.external_server import PlannedResponse, ReceivedRequest
from conformance.sandbox_client import wait_until
from conformance.scenario import App, Scenario

COMPLETE = "post.publish.complete"
FAILED = "post.publish.failed"
INBOX = "post.publish.inbox_delivered"
PUBLIC_NOW = "post.publish.publicly_available"
NO_LONGER = "post.publish.no_longer_publicaly_available"
REMOVED = "authorization.removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReceiver:
    """An app whose webhook URL is served by the suite."""

    scenario: Scenario
    app: App
    path: str

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the deliveries to this app, as the sandbox reports them."""
        found = self.scenario.sandbox.admin("GET", f"webhooks?client_key={self.app.client_key}").json["deliveries"]
        assert isinstance(found, list)
        return found

    def requests(self) -> list[ReceivedRequest]:
        """Return everything received, once no delivery is waiting."""
        wait_until(lambda: all(each["state"] != "waiting" for each in self.deliveries()), what="the end of deliveries")
        return self.scenario.sandbox.external.requests(self.path)

    def events(self) -> list[str]:
        """Return the names of the received events, in order."""
        return [body_of(each)["event"] for each in self.requests()]

    def content_of(self, event: str) -> dict[str, Any]:
        """Return the content of the one received event with this name."""
        found = [body_of(each) for each in self.requests()]
        (body,) = [each for each in found if each["event"] == event]
        content: dict[str, Any] = json.loads(body["content"])
        return content

    def wait_for_attempts(self, count: int) -> dict[str, Any]:
        """Return the only delivery, once it has this many attempts."""

        def look() -> dict[str, Any] | None:
            found = self.deliveries()
            return found[0] if found and len(found[0]["attempts"]) >= count else None

        found = wait_until(look, what=f"attempt {count}")
        assert found is not None
        return found


def receiver_for(scenario: Scenario, *answers: PlannedResponse, **settings: Any) -> WebhookReceiver:
    path = f"/{scenario.unique_name('hook')}"
    scenario.sandbox.external.respond_with(path, *(answers or (PlannedResponse(),)))
    app = scenario.app(webhook_url=f"http://{scenario.sandbox.external.address}{path}", **settings)
    return WebhookReceiver(scenario=scenario, app=app, path=path)


def body_of(request: ReceivedRequest) -> dict[str, Any]:
    """Return the decoded body of a webhook."""
    found: dict[str, Any] = json.loads(request.body)
    return found


def post_with_receiver(scenario: Scenario, **post_info: Any) -> tuple[WebhookReceiver, Account, str]:
    """Post publicly through an app with a webhook; return receiver, account and publish id."""
    receiver = receiver_for(scenario)
    account = scenario.account(receiver.app)
    return receiver, account, account.post_publicly(**post_info)

"""Registering apps through the admin API."""

from harness.sandbox_apps import OTHER_APP
from harness.sandbox_client import SandboxClient


async def test_rejected_app_answers_the_reason(client: SandboxClient) -> None:
    app = {"client_key": OTHER_APP, "platform": "web", "redirect_uris": ["http://app.example/cb"]}

    answer = await client.http.post("/_sandbox/apps", json=app)

    assert answer.status_code == 422
    assert "The scheme must be https" in answer.json()["error"]


async def test_app_with_an_invalid_webhook_url_is_refused(subscribed: SandboxClient) -> None:
    answer = await subscribed.http.post("/_sandbox/apps", json={"client_key": "k", "webhook_url": "ftp://host/hook"})

    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "The webhook_url is not https or http: ftp://host/hook. Give a full URL.",
    )

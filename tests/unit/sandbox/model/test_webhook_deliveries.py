"""Bodies and signatures of webhooks, and the limit of kept deliveries."""

from tiktok_sandbox.model.pending_webhooks import PendingWebhook
from tiktok_sandbox.model.settings import Webhooks
from tiktok_sandbox.model.webhook_deliveries import (
    Attempt,
    Deliveries,
    DeliveryState,
    after_attempt,
    new_delivery,
    signature,
    webhook_body,
)

NOTICE = PendingWebhook(due_at=100.9, client_key="k", event="an.event", open_id="-000", content={"reason": 1})


def test_body_is_as_tiktok_sends_it() -> None:
    assert webhook_body(NOTICE) == (
        '{"client_key":"k","event":"an.event","create_time":100,"user_openid":"-000","content":"{\\"reason\\":1}"}'
    )


def test_signature_equals_one_computed_elsewhere() -> None:
    # printf '1633174587.{"a":1}' | openssl dgst -sha256 -hmac secret
    expected = "7151550f9bebe052d14d518d957d02727224ec1912baffb80d34739a3b149820"

    assert signature("secret", 1_633_174_587, b'{"a":1}') == f"t=1633174587,s={expected}"


def test_only_finished_deliveries_are_removed() -> None:
    known = Deliveries(max_kept=2)
    names = [known.add(new_delivery(NOTICE, 101)) for _ in range(3)]
    waiting = len(known.rows)
    done = after_attempt(known.rows[names[1]], Attempt(at=101, status=200), Webhooks())
    known.put(names[1], done)
    known.add(new_delivery(NOTICE, 101))

    assert done.state is DeliveryState.DELIVERED
    assert waiting == 3
    assert list(known.rows) == ["1", "3", "4"]

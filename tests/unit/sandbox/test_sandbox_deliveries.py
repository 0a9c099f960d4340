"""The order of what comes up, and what is max_kept of what went out."""

from hypothesis import given
from hypothesis import strategies as st

from tiktok_sandbox.model.pending_webhooks import PendingWebhook, PendingWebhooks
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
from tiktok_sandbox.runtime.timer_queue import TimerQueue

WISHES = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 20).map(float))))
NOTICE = PendingWebhook(due_at=100.9, client_key="k", event="an.event", open_id="-000", content={"reason": 1})


@given(wishes=WISHES, now=st.integers(0, 20))
def test_the_agenda_agrees_with_a_plain_list(wishes: list[tuple[int, float | None]], now: int) -> None:
    agenda, plain = TimerQueue(), dict[int, float]()
    for number, moment in wishes:
        if moment is None:
            agenda.remove(number)
            plain.pop(number, None)
        else:
            agenda.schedule(number, moment)
            plain[number] = moment
    due = sorted((moment, number) for number, moment in plain.items() if moment <= now)

    assert agenda.next_due() == min(plain.values(), default=None)
    assert agenda.pop_due(now) == [number for _, number in due]
    assert agenda.pop_due(now) == []
    assert agenda.next_due() == min((each for each in plain.values() if each > now), default=None)


def test_numbers_go_on_after_those_that_were_kept() -> None:
    notices = PendingWebhooks()
    notices.put("7", NOTICE)
    notices.schedule(NOTICE)

    assert list(notices.rows) == ["7", "8"]
    assert notices.next_due() == NOTICE.due_at
    assert notices.pop_due(101) == [NOTICE, NOTICE]
    assert (notices.rows, notices.next_due()) == ({}, None)


def test_a_body_as_tiktok_sends_it() -> None:
    assert webhook_body(NOTICE) == (
        '{"client_key":"k","event":"an.event","create_time":100,"user_openid":"-000","content":"{\\"reason\\":1}"}'
    )


def test_a_signature_worked_out_elsewhere() -> None:
    # printf '1633174587.{"a":1}' | openssl dgst -sha256 -hmac secret
    expected = "7151550f9bebe052d14d518d957d02727224ec1912baffb80d34739a3b149820"

    assert signature("secret", 1_633_174_587, b'{"a":1}') == f"t=1633174587,s={expected}"


def test_only_what_has_ended_is_forgotten() -> None:
    known = Deliveries(max_kept=2)
    names = [known.add(new_delivery(NOTICE, 101)) for _ in range(3)]
    waiting = len(known.rows)
    done = after_attempt(known.rows[names[1]], Attempt(at=101, status=200), Webhooks())
    known.put(names[1], done)
    known.add(new_delivery(NOTICE, 101))

    assert done.state is DeliveryState.DELIVERED
    assert waiting == 3
    assert list(known.rows) == ["1", "3", "4"]

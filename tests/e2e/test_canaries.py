"""Secrets are only where they belong: known ones are planted, and searched for in every output of the stack."""

import asyncio
import base64
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient

from e2e.canaries.canary_run import Clips, open_canary_run
from e2e.canaries.outputs import collect_outputs
from e2e.canaries.search import Canary, Hit, Output, forms_of, search
from e2e.canaries.steps import STEPS
from harness.product import make_clip
from stack.local import Stack
from stack.options import Options
from stack.polling import run_in_own_loop

MET = {
    *("access_token", "refresh_token", "authorization_code", "code_verifier", "upload_token", "upload_url"),
    *("client secret", "bootstrap secret", "vault key", "API key", "connect_token", "state", "cookie"),
    *(f"private key of {service}" for service in ("uploader", "publisher", "analytics")),
}
SECRET = Canary(kind="example", value='k+/=&"<7Qz-wOx_9', raw=bytes(range(200, 232)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The known secrets, and the outputs to search."""

    canaries: tuple[Canary, ...]
    outputs: tuple[Output, ...]

    def __repr__(self) -> str:
        return f"Evidence({len(self.canaries)} secrets, {len(self.outputs)} outputs)"


@pytest.fixture(scope="module")
def canary_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, because the last step crashes every service."""
    options = Options(
        sandbox=("--processing-seconds", "0.2", "--public-seconds", "0.2"),
        environment={"ANALYTICS_COLLECT_AGES": "1s,2s"},
    )
    with Stack(tmp_path_factory.mktemp("canaries"), options) as running:
        yield running


@pytest.fixture(scope="module")
def evidence(canary_stack: Stack) -> Evidence:
    """Run every step, then read every output."""
    return run_in_own_loop(lambda: _gather(canary_stack))


async def _gather(stack: Stack) -> Evidence:
    clips = Clips(
        long=make_clip(stack.media_dir, "long.mp4", 64_500_000),
        short=make_clip(stack.media_dir, "short.mp4", 300_000),
    )
    async with open_canary_run(stack, clips) as run:
        for step in STEPS:
            await step(run)
            await run.observe()
        await run.collect()
        return Evidence(canaries=tuple(run.canaries), outputs=(*run.outputs, *await collect_outputs(stack)))


def test_no_secret_is_outside_its_place(evidence: Evidence) -> None:
    kinds = Counter(canary.kind for canary in evidence.canaries)
    assert set(kinds) >= MET, MET - set(kinds)
    hits = search(evidence.canaries, evidence.outputs)
    forms = sum(len(forms_of(canary)) for canary in evidence.canaries)
    size, records = (
        sum(totals) for totals in zip(*((len(p.content), p.records) for p in evidence.outputs), strict=True)
    )
    print(f"\n{len(evidence.canaries)} secrets in {forms} forms, {len(evidence.outputs)} outputs, ", end="")
    print(f"{records} lines, records, documents and answers, {size} bytes: {len(hits)} hits")
    assert not hits, "\n".join(map(str, hits))


@pytest.mark.parametrize("form", sorted(forms_of(SECRET)))
def test_secret_is_found_in_every_form(form: str) -> None:
    [hit] = search([SECRET], [Output(name="log x", content=b"before " + forms_of(SECRET)[form] + b" after")])
    assert hit == Hit(output="log x", kind="example", form=form, around="before ")


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", '{"token": "'])
def test_secret_is_found_within_longer_base64(before: str) -> None:
    content = f"{before}{SECRET.value} and more".encode()
    for written in (base64.b64encode(content), base64.urlsafe_b64encode(content)):
        assert search([SECRET], [Output(name="log x", content=written)])


def test_secret_in_its_place_is_no_hit() -> None:
    owned = Canary(kind="example", value=SECRET.value, owners=("topic a",))
    outputs = [Output(name=f"topic {name}", content=SECRET.value.encode()) for name in ("a", "b")]
    assert [hit.output for hit in search([owned], outputs)] == ["topic b"]


def test_secrets_planted_on_the_stack_are_found(evidence: Evidence, canary_stack: Stack) -> None:
    planted = next(canary for canary in evidence.canaries if canary.kind == "refresh_token")
    before = set(search([planted], evidence.outputs))
    run_in_own_loop(lambda: _plant(canary_stack, planted.value))
    found = set(search([planted], run_in_own_loop(lambda: collect_outputs(canary_stack)))) - before
    assert {(hit.output, hit.form) for hit in found} >= {
        ("log planted.log", "plain"),
        ("topic metrics.events", "url"),
        ("documents planted.here", "base64 at 0"),
    }
    planted_in = ("log planted.log", "topic metrics.events", "documents planted.here", "documents local.")
    assert [hit.output for hit in found if not hit.output.startswith(planted_in)] == []


async def _plant(stack: Stack, secret: str) -> None:
    (stack.folder / "logs" / "planted.log").write_text(f"Traceback: {secret}\n")
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, acks="all") as producer:
        headers = [("trace", quote(secret, safe="").encode())]
        await producer.send_and_wait("metrics.events", b"{}", key=b"planted", headers=headers)
    await asyncio.to_thread(_plant_document, stack.mongodb_url, base64.b64encode(secret.encode()).decode())


def _plant_document(url: str, text: str) -> None:
    with MongoClient[dict[str, object]](url) as client:
        client["planted"]["here"].insert_one({"text": text})

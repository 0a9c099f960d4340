"""What a person is shown at each end of a consent, and where they are sent on to."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth_service.errors import OtherBrowser, StateBroken, StateExpired
from auth_service.oauth.consent import Accepted, AppChanged, Completed, ConsentResult, Declined, NotSaved, OtherTenant
from auth_service.oauth.pages import AT_CALLBACK, AT_START, Page, app_unusable, page_for, page_for_refusal, with_return
from builders.admin_requests import ADMIN
from harness.auth_api import AuthApi, result_of
from tiktok.results import NotSent, Refused, Unknown

LANDED = Completed(account_id="acc_1", display_name="Demo", scopes=("video.publish",), refused=())
LANDINGS: Sequence[ConsentResult] = (
    LANDED,
    Completed(account_id="acc_1", display_name="", scopes=(), refused=("video.publish", "scope.of.tomorrow")),
    Accepted("acc_1"),
    NotSaved("acc_1"),
    OtherTenant("acc_1"),
    AppChanged(),
    Declined(error="access_denied", error_type=""),
    Declined(error="access_denied", error_type="non_sandbox_target"),
    Declined(error="unauthorized_client", error_type="client_key"),
    Declined(error="no_code", error_type=""),
    Refused(status=400, code="invalid_grant", message="Authorization code is expired.", log_id=""),
    Refused(status=401, code="invalid_client", message="Client key or secret is incorrect.", log_id=""),
    Refused(status=400, code="invalid_request", message="Code verifier or code challenge is invalid.", log_id=""),
    NotSent("no connection"),
    Unknown("HTTP 503"),
)
PAGES = [
    *(page_for(result) for result in LANDINGS),
    app_unusable(),
    page_for_refusal(StateBroken(step="state")),
    page_for_refusal(StateExpired(step="state", return_to="")),
    page_for_refusal(OtherBrowser()),
]


@pytest.mark.parametrize("page", PAGES, ids=[page.result for page in PAGES])
def test_every_end_says_what_happened_in_a_documented_way(page: Page) -> None:
    assert page.status in {**AT_CALLBACK, **AT_START}
    assert page.title
    assert page.paragraphs
    assert page.html().count("<script") == 0
    assert (page.status == 200) == (page.result == "connected")
    assert (page.status >= 500) == (page.result in {"not_saved", "no_answer", "wrong_client_key", "redirect_mismatch"})


@pytest.mark.parametrize("page", PAGES, ids=[page.result for page in PAGES])
def test_page_for_other_tenants_account_hides_its_id(page: Page) -> None:
    parameters = dict(parse_qsl(urlsplit(with_return(page, "https://a.example/").next_url).query))
    assert parameters["postbus_result"] == page.result
    assert ("account_id" in parameters) == (page.result in {"connected", "accepted", "not_saved"})


@pytest.mark.parametrize(
    ("return_to", "onward"),
    [
        ("", ""),
        ("https://a.example", "https://a.example?postbus_result=connected&account_id=acc_1"),
        ("https://a.example/x?y=1&y=2", "https://a.example/x?y=1&y=2&postbus_result=connected&account_id=acc_1"),
        ("https://a.example/x?y=", "https://a.example/x?y=&postbus_result=connected&account_id=acc_1"),
        *(
            (f"https://a.example/?{odd}", f"https://a.example/?{odd}&postbus_result=connected&account_id=acc_1")
            for odd in ("flag", "x=%ff", "x=1;y=2", "x=a+b", "x=a%20b", "&&")
        ),
        ("http://localhost:3000/x", "http://localhost:3000/x?postbus_result=connected&account_id=acc_1"),
        ("https://a.example/%20%C3%A4", "https://a.example/%20%C3%A4?postbus_result=connected&account_id=acc_1"),
    ],
)
def test_the_way_on_keeps_what_the_tenant_registered(return_to: str, onward: str) -> None:
    assert with_return(page_for(LANDED), return_to).next_url == onward


def test_a_page_may_be_closed_where_it_is_the_last_one() -> None:
    closable = "You can close this page."
    assert {page.result for page in PAGES if closable in page.html()} == {"connected", "accepted"}
    assert closable not in with_return(page_for(LANDED), "https://a.example/").html()


def test_what_tiktok_says_is_one_sentence() -> None:
    page = page_for(Refused(status=400, code="invalid_scope", message="That is too much.", log_id=""))
    assert page.paragraphs[0] == "TikTok refused with: invalid_scope (That is too much)."


def test_what_came_from_elsewhere_is_escaped_wherever_it_stands() -> None:
    evil = '"><script>alert(1)</script>'
    pages = [
        page_for(Completed(account_id=evil, display_name=evil, scopes=(), refused=(evil,))),
        page_for(Declined(error=evil, error_type=evil)),
        page_for(Refused(status=400, code=evil, message=evil, log_id="")),
        with_return(page_for(LANDED), f"https://a.example/?x={evil}"),
    ]
    for page in pages:
        assert "<script" not in page.html()


@pytest.mark.parametrize(
    "return_to",
    [
        "https://[x/",
        "https://a\u2100b.example/",
        "https://a.example:port/",
        "https://a.example\\@b.example/",
        "https://",
    ],
)
async def test_return_url_that_browsers_cannot_follow_is_refused(auth_api: AuthApi, return_to: str) -> None:
    answer = await auth_api.operator.put(f"{ADMIN}/acme", json={"name": "Acme", "return_urls": [return_to]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_person_who_says_no_is_led_back_too(auth_api: AuthApi) -> None:
    own = "https://app.acme.example/tiktok"
    auth_api.backend = auth_api.backend_of("other", return_urls=(own,))
    back = await auth_api.consent(await auth_api.open_consent_page(return_to=own), decision="cancel")
    page = await auth_api.browser.get(back)
    assert result_of(page) == "declined"
    assert f"{own}?postbus_result=declined" in page.text
    assert "account_id=" not in page.text

"""Messages that say what happened and what to do."""

from auth_service.errors import OtherBrowser, TokenPairUnreadable, VaultKeysMissing


def test_missing_keys_are_named_with_their_records() -> None:
    message = str(VaultKeysMissing(missing={"k2": 3, "k1": 1}))
    assert "1 under key id `k1`, 3 under key id `k2`" in message
    assert message.endswith("list their ids in AUTH_LOST_VAULT_KEYS.")


def test_unreadable_pair_names_account_and_version() -> None:
    assert "account acc_1, version 3" in str(TokenPairUnreadable(account_id="acc_1", version=3))


def test_other_browser_has_one_sentence() -> None:
    assert str(OtherBrowser()) == "This link was opened in a different browser, or was already used."

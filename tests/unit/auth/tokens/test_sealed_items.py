"""What a state keeps sealed is found, opened in its place only, and sealed again for that place."""

from auth_service import states
from auth_service.tokens.sealed_items import can_open, describe_item, replacement_check, reseal, sealed_item_of
from auth_service.tokens.token_pairs import TokenPair, open_tokens, seal_tokens
from builders.account_states import CONNECTED, DISCONNECTED, KEY, OLD
from common.contract.account import TokenPairResealed
from common.security.sealing import Vault
from common.streams import StateKey

OLD_VAULT = Vault({"k1": b"1" * 32})
BOTH = Vault({"k2": b"2" * 32, "k1": b"1" * 32})
TOKENS = TokenPair(access_token="act.1", refresh_token="rft.1")


def sealed_pair(vault: Vault, version: int = 3) -> states.SealedTokenPair:
    text = seal_tokens(vault, TOKENS, account_id="acc_1", version=version)
    return states.SealedTokenPair(
        version=version,
        sealed=text,
        granted_at=OLD.granted_at,
        access_expires_at=OLD.access_expires_at,
        refresh_expires_at=OLD.refresh_expires_at,
    )


def test_item_of_a_state_is_its_pair_or_nothing() -> None:
    assert sealed_item_of(CONNECTED) == CONNECTED.pair
    assert sealed_item_of(DISCONNECTED) is None
    assert sealed_item_of(None) is None


def test_item_opens_for_its_own_account_only() -> None:
    assert can_open(OLD_VAULT, KEY, sealed_pair(OLD_VAULT))
    assert not can_open(OLD_VAULT, StateKey("acc_2"), sealed_pair(OLD_VAULT))


def test_resealed_item_opens_under_the_newest_key() -> None:
    item = sealed_pair(OLD_VAULT)
    command = reseal(BOTH, KEY, item)
    assert isinstance(command, TokenPairResealed)
    assert command.sealed.startswith("v1.k2.")
    replaced = states.SealedTokenPair(
        version=3,
        sealed=command.sealed,
        granted_at=item.granted_at,
        access_expires_at=item.access_expires_at,
        refresh_expires_at=item.refresh_expires_at,
    )
    assert open_tokens(BOTH, replaced, account_id="acc_1") == TOKENS


def test_replacement_must_open_at_the_place_of_the_state() -> None:
    check = replacement_check(OLD_VAULT)
    state = states.Connected(
        profile=CONNECTED.profile, pair=sealed_pair(OLD_VAULT), recipients="keys", refresh_at=CONNECTED.refresh_at
    )
    assert check(KEY, state, sealed_pair(OLD_VAULT).sealed)
    assert not check(KEY, state, sealed_pair(OLD_VAULT, version=4).sealed)
    assert not check(KEY, DISCONNECTED, "v1.k1.AAAA")


def test_item_is_described_by_its_owner() -> None:
    assert describe_item(KEY, OLD) == "the token pair of account acc_1"

"""Every effect declares what a repetition does at TikTok, because a lost answer depends on it."""

from typing import get_args

import pytest

from uploader_service import effects

KINDS = (effects.Repeatable, effects.HarmlessInit, effects.PublishingInit)


@pytest.mark.parametrize("effect", get_args(effects.Effect), ids=lambda effect: effect.__name__)
def test_effect_declares_exactly_one_kind(effect: type) -> None:
    assert [kind for kind in KINDS if issubclass(effect, kind)] == [
        kind for kind in KINDS if kind in effect.__mro__[1:]
    ]
    assert sum(issubclass(effect, kind) for kind in KINDS) == 1


def test_union_names_every_effect_class() -> None:
    classes = {each for each in vars(effects).values() if isinstance(each, type) and issubclass(each, KINDS)}
    assert classes - set(KINDS) == set(get_args(effects.Effect))


def test_upload_init_is_harmless() -> None:
    """A FILE_UPLOAD init publishes nothing without bytes, so its lost answer may be followed by another."""
    assert issubclass(effects.InitVideoUpload, effects.HarmlessInit)

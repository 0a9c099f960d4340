"""The whole product from outside. Helpers explain their assertions as tests do."""

import pytest

pytest.register_assert_rewrite("e2e.stage", "e2e.tiktok_stand_in")

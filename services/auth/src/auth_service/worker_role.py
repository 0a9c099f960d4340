"""Builds auth's worker role."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack

from auth_service.effect_handler import AuthEffectHandler
from auth_service.processor import AuthProcessor
from auth_service.settings import AuthSettings, WorkerSettings
from auth_service.tenants.apps import Apps
from auth_service.tokens import vault_check
from auth_service.tokens.sealed_items import replacement_check
from auth_service.tokens.token_pairs import Recipients
from common.clock import system_clock
from common.contract.body import Body
from common.contract.topics import AUTH_COMMANDS
from common.security.sealing import Vault, public_keys_of
from common.service.roles import Cluster, RunningRole, join_and_run
from common.service.settings import read
from common.streams.runtime import WholeView


async def open_worker(
    opened: AsyncExitStack,
    cluster: Cluster,
    settings: AuthSettings,
    *,
    apps: Apps,
    tenants: WholeView,
    vault: Vault,
    hand_off: Callable[[Body], Coroutine[None, None, None]],
) -> RunningRole:
    """Build the role. Raises `VaultKeysMissing` where no configured key opens anything of what is stored."""
    own = read(WorkerSettings)
    recipients = Recipients(public_keys_of(own.service_public_keys.get_secret_value()))
    # Before it joins: a worker that can open nothing must not take partitions from one that can.
    await vault_check.check_vault(
        cluster.log(), partitions=cluster.settings.partitions, vault=vault, lost=own.lost_key_ids
    )
    return await join_and_run(
        opened,
        cluster,
        settings,
        processor=AuthProcessor(
            recipients.fingerprint,
            can_replace=replacement_check(vault),
            on_restored=vault_check.log_missing_keys(vault, lost=own.lost_key_ids),
        ),
        effects=AuthEffectHandler(vault=vault, recipients=recipients, clients=apps, clock=system_clock),
        topic=AUTH_COMMANDS,
        max_effects=own.refreshes_at_once,
        hand_off=hand_off,
        # Otherwise a refresh that does not find its tenant's app yet would count as one that failed.
        before=tenants.read_to_end,
    )

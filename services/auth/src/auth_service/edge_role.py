"""Builds auth's edge role: the routes for backends, for people and for operators."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import APIRouter

from auth_service.admin_api import admin_routes
from auth_service.api import Accounts, account_routes
from auth_service.browser_api import browser_routes
from auth_service.commands import Commands
from auth_service.oauth.consent import Consents
from auth_service.settings import EdgeSettings, TikTokSettings
from auth_service.tenants.administration import Administration
from auth_service.tenants.apps import Apps
from common.clock import Clock, system_clock
from common.contract.topics import AUTH_ACCOUNTS, AUTH_API_KEYS, AUTH_CREDENTIALS
from common.errors import SettingsRefused
from common.http.api_keys import ApiKeyAuth
from common.security.sealing import Vault
from common.service.roles import Cluster, RunningRole, add_routers
from common.service.tracing import RandomBytes
from common.streams import ReadOnlyView
from common.streams.runtime import WholeView


def open_edge(
    cluster: Cluster,
    settings: EdgeSettings,
    tiktok: TikTokSettings,
    *,
    apps: Apps,
    tenants: WholeView,
    commands: Commands,
    vault: Vault,
) -> RunningRole:
    """Build the role. Raises `SettingsRefused` where two settings do not fit together."""
    check_same_host(public_url=settings.public_url, redirect_uri=tiktok.redirect_uri)
    accounts, credentials, keys = map(cluster.view, (AUTH_ACCOUNTS, AUTH_CREDENTIALS, AUTH_API_KEYS))
    views = EdgeViews(accounts=accounts, credentials=credentials, keys=keys, tenants=tenants)
    consents = Consents(
        apps=apps,
        authorize_url=tiktok.authorize_url,
        redirect_uri=tiktok.redirect_uri,
        vault=vault,
        commands=commands,
        accounts=accounts,
        clock=system_clock,
    )
    routers = edge_routers(
        settings, views=views, consents=consents, commands=commands, vault=vault, random_bytes=os.urandom
    )
    return RunningRole(
        runs=(accounts.follow, credentials.follow, keys.follow),
        ready=lambda: views.ready,
        not_ready="the views of accounts, tenants and keys are not read to their end",
        extend=add_routers(*routers),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeViews:
    """What the edge knows."""

    accounts: ReadOnlyView
    credentials: ReadOnlyView
    keys: ReadOnlyView
    tenants: ReadOnlyView

    @property
    def ready(self) -> bool:
        """Whether all of it may be answered from."""
        return all(view.ready for view in (self.accounts, self.credentials, self.keys, self.tenants))


def edge_routers(
    settings: EdgeSettings,
    *,
    views: EdgeViews,
    consents: Consents,
    commands: Commands,
    vault: Vault,
    random_bytes: RandomBytes,
    clock: Clock = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Sequence[APIRouter]:
    """Build the routes for backends, for people and for operators."""
    administration = Administration(
        commands=commands,
        tenants=views.tenants,
        keys=views.keys,
        accounts=views.accounts,
        vault=vault,
        clock=clock,
        random_bytes=random_bytes,
    )
    return (
        account_routes(
            api_keys=ApiKeyAuth(views.keys, clock=clock, monotonic=monotonic),
            consents=consents,
            commands=commands,
            accounts=Accounts(accounts=views.accounts, credentials=views.credentials, clock=clock),
            tenants=views.tenants,
            public_url=settings.public_url,
            clock=clock,
        ),
        browser_routes(
            consents=consents,
            views=(views.accounts, views.tenants),
            # A browser may drop a secure cookie on plain http, and then no consent could be completed.
            secure=settings.public_url.startswith("https://"),
        ),
        admin_routes(administration, secret=settings.bootstrap_secret),
    )


def check_same_host(*, public_url: str, redirect_uri: str) -> None:
    """Raise `SettingsRefused` where the cookie set on the way out could not come back: cookies belong to a host."""
    if urlsplit(public_url).hostname != urlsplit(redirect_uri).hostname:
        fault = f"TIKTOK_REDIRECT_URI is `{redirect_uri}`: it must be on the host of AUTH_PUBLIC_URL, `{public_url}`"
        raise SettingsRefused([fault])

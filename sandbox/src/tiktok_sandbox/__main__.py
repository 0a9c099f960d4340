"""`python -m tiktok_sandbox`: the stand-in as a process of its own, until it is told to stop."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import uvloop
from msgspec import structs

from tiktok_sandbox.admin.clock import MAX_FACTOR
from tiktok_sandbox.errors import SandboxError
from tiktok_sandbox.model.settings import Settings, read_rules, read_settings
from tiktok_sandbox.runtime.media_store import DEFAULT_BUDGET_BYTES
from tiktok_sandbox.server import Server


def _time_factor(text: str) -> float:
    factor = float(text)
    if not 0 < factor <= MAX_FACTOR:
        message = f"a number above 0, {MAX_FACTOR:g} at most"
        raise argparse.ArgumentTypeError(message)
    return factor


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tiktok_sandbox", description="A stateful stand-in for TikTok's API."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 127.0.0.1 by default")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tls-cert", type=Path, help="PEM file; makes everything https")
    parser.add_argument("--tls-key", type=Path, help="PEM file of the certificate's key")
    parser.add_argument("--config", type=Path, help="JSON settings, see sandbox/README.md")
    parser.add_argument("--rules", type=Path, help="JSON list of rules that make calls go wrong from the start")
    parser.add_argument("--state", type=Path, help="folder to keep the state in over a restart")
    parser.add_argument("--media", type=Path, help="folder to keep videos in; inside --state if that is given")
    parser.add_argument(
        "--media-budget", type=int, default=DEFAULT_BUDGET_BYTES, help="bytes of it; the oldest go first"
    )
    parser.add_argument("--processing-seconds", type=float, help="from the last byte to the verdict")
    parser.add_argument("--public-seconds", type=float, help="from the verdict to being public")
    parser.add_argument("--access-token-seconds", type=int, help="how long an access token lives; 7200 by default")
    parser.add_argument("--refresh-token-seconds", type=int, help="how long a refresh token lives; 15552000 by default")
    parser.add_argument("--time-factor", type=_time_factor, help="so many seconds pass for each real one")
    parser.add_argument("--manual-time", action="store_true", help="time stands still until the admin API moves it")
    parser.add_argument("--webhook-url", help="whom to tell what becomes of the default app's posts")
    parser.add_argument("--client-secret", help="or SANDBOX_CLIENT_SECRET; made up if neither is given")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = read_settings(arguments.config) if arguments.config else Settings()
    secret = arguments.client_secret or os.environ.get("SANDBOX_CLIENT_SECRET") or settings.app.client_secret
    webhook = arguments.webhook_url or settings.app.webhook_url
    delays = {"processing": arguments.processing_seconds, "public": arguments.public_seconds}
    lives = {"access_token": arguments.access_token_seconds, "refresh_token": arguments.refresh_token_seconds}
    return structs.replace(
        settings,
        app=structs.replace(settings.app, client_secret=secret, webhook_url=webhook),
        delays=structs.replace(settings.delays, **_without_none(delays)),
        lifetimes=structs.replace(settings.lifetimes, **_without_none(lives)),
        rules=(*settings.rules, *(read_rules(arguments.rules) if arguments.rules else ())),
    )


def _without_none(values: dict[str, float | int | None]) -> dict[str, float | int]:
    return {name: value for name, value in values.items() if value is not None}


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tls = (arguments.tls_cert, arguments.tls_key) if arguments.tls_cert else None
    media = arguments.media or (arguments.state / "media" if arguments.state else None)
    server = Server(
        _settings(arguments),
        host=arguments.host,
        port=arguments.port,
        tls=tls,
        state_folder=arguments.state,
        media_folder=media,
        media_budget=arguments.media_budget,
    )
    if arguments.manual_time or arguments.time_factor:
        server.context.clock.change_pace(factor=arguments.time_factor, manual=arguments.manual_time)
    async with server:
        sys.stdout.write(f"ready {json.dumps({'url': server.url, 'admin': server.url + '/_sandbox/'})}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    try:
        uvloop.run(_serve(_arguments()))
    except SandboxError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs the sandbox from the command line, until SIGINT or SIGTERM.

Usage: `python -m tiktok_sandbox --help`. Settings come from a file, then the environment, then the options.
"""

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
        message = f"Not a valid factor: {text}. Give a number above 0, at most {MAX_FACTOR:g}."
        raise argparse.ArgumentTypeError(message)
    return factor


def _arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tiktok_sandbox", description="A stateful stand-in for TikTok's API."
    )
    parser.add_argument("--host", default="127.0.0.1", help="Address to listen on. Default: 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="Port to listen on. Default 0: any free one.")
    parser.add_argument("--tls-cert", type=Path, help="PEM file of a certificate. Serves https.")
    parser.add_argument("--tls-key", type=Path, help="PEM file of the certificate's key.")
    parser.add_argument("--config", type=Path, help="JSON file of settings, see sandbox/README.md.")
    parser.add_argument("--rules", type=Path, help="JSON list of rules that make calls fail from the start.")
    parser.add_argument("--state", type=Path, help="Folder that keeps the state over restarts.")
    parser.add_argument(
        "--media", type=Path, help="Folder that stores videos. Default: a folder in --state, if that is given."
    )
    parser.add_argument(
        "--media-budget",
        type=int,
        default=DEFAULT_BUDGET_BYTES,
        help="Size limit of --media in bytes; the oldest posts are deleted first.",
    )
    parser.add_argument("--processing-seconds", type=float, help="Seconds from the last byte to the end of processing.")
    parser.add_argument("--public-seconds", type=float, help="Seconds from the end of processing to being public.")
    parser.add_argument("--access-token-seconds", type=int, help="Lifetime of access tokens. Default: 7200.")
    parser.add_argument("--refresh-token-seconds", type=int, help="Lifetime of refresh tokens. Default: 15552000.")
    parser.add_argument("--time-factor", type=_time_factor, help="Sandbox seconds for each real second.")
    parser.add_argument("--manual-time", action="store_true", help="Stop time; only the admin API moves it.")
    parser.add_argument("--webhook-url", help="Webhook URL of the default app.")
    parser.add_argument(
        "--client-secret", help="Secret of the default app. Default: SANDBOX_CLIENT_SECRET, or a random one."
    )
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings of the file, with the command line's options on top."""
    settings = read_settings(arguments.config) if arguments.config else Settings()
    # The environment keeps the secret out of the process list.
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
    """Run the server until a signal; print the URL when it listens."""
    # SIGTERM is how Docker and the stack stop a process; both signals end it in order, with the state saved.
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
        # Programs that start the sandbox wait for this line to learn the port.
        sys.stdout.write(f"ready {json.dumps({'url': server.url, 'admin': server.url + '/_sandbox/'})}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    """Run until SIGINT or SIGTERM; return the exit code."""
    try:
        uvloop.run(_serve(_arguments()))
    except SandboxError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Rules for whoever tests against the stand-in: make them, see what they did, wait for them, end them."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.faults.catalogue import catalogue
from tiktok_sandbox.faults.rules import Rule, Standing

LONGEST_WAIT: Final = 300.0


def rule_routes(shell: Shell) -> list[Route]:
    """Everything under `/_sandbox/rules`."""
    return [
        Route("/_sandbox/rules", _list_rules(shell)),
        Route("/_sandbox/rules", _add_rule(shell), methods=["POST"]),
        Route("/_sandbox/rules/catalogue", _catalogue),
        Route("/_sandbox/rules/{rule_id}", _show_rule(shell)),
        Route("/_sandbox/rules/{rule_id}", _end_rule(shell), methods=["DELETE"]),
        Route("/_sandbox/rules/{rule_id}/release", _end_rule(shell), methods=["POST"]),
        Route("/_sandbox/rules/{rule_id}/wait", _wait(shell)),
    ]


async def _catalogue(_: Request) -> Response:
    return JSONResponse(catalogue())


def _describe_rule(shell: Shell, rule_id: str, standing: Standing) -> dict[str, object]:
    return {
        "id": rule_id,
        "hits": standing.hits,
        "holding": shell.holds.holding(rule_id),
        "ended": standing.ended,
        "rule": msgspec.to_builtins(standing.rule),
    }


def _list_rules(shell: Shell) -> Handler:
    async def handle(_: Request) -> Response:
        standing = shell.world.rules.all()
        return JSONResponse({"rules": [_describe_rule(shell, rule_id, each) for rule_id, each in standing.items()]})

    return handle


def _add_rule(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            rule = msgspec.json.decode(await request.body(), type=Rule)
        except msgspec.MsgspecError as refused:
            return JSONResponse({"error": str(refused)}, status_code=422)
        return JSONResponse({"id": shell.world.rules.add(rule, shell.clock.now())}, status_code=201)

    return handle


def _found(shell: Shell, rule_id: str, status: int = 200) -> Response:
    standing = shell.world.rules.get(rule_id)
    if standing is None:
        return JSONResponse({"error": "no such rule"}, status_code=404)
    return JSONResponse(_describe_rule(shell, rule_id, standing), status_code=status)


def _show_rule(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        return _found(shell, request.path_params["rule_id"])

    return handle


def _end_rule(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        rule_id = request.path_params["rule_id"]
        if shell.world.rules.get(rule_id) is not None:
            shell.world.rules.end(rule_id)
            await shell.holds.release(rule_id)
        return _found(shell, rule_id)

    return handle


def _wait(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        rule_id = request.path_params["rule_id"]
        try:
            holding = int(request.query_params.get("holding", "0"))
            hits = int(request.query_params.get("hits", "0"))
            timeout = float(request.query_params.get("timeout", "30"))
        except ValueError:
            return JSONResponse({"error": "holding, hits and timeout are numbers"}, status_code=422)
        if shell.world.rules.get(rule_id) is None:
            return _found(shell, rule_id)

        def reached() -> bool:
            standing = shell.world.rules.get(rule_id)
            return standing is not None and standing.hits >= hits and shell.holds.holding(rule_id) >= holding

        in_time = await shell.holds.reached(reached, min(timeout, LONGEST_WAIT))
        return _found(shell, rule_id, 200 if in_time else 408)

    return handle

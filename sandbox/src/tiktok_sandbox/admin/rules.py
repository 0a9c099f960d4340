"""Manages rules: create them, see their hits, wait for them, end them."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.faults.catalogue import rule_catalogue
from tiktok_sandbox.faults.rules import Rule, RuleState

MAX_WAIT_SECONDS: Final = 300.0


def rule_routes(context: AppContext) -> list[Route]:
    """Return the routes under `/_sandbox/rules`."""
    return [
        Route("/_sandbox/rules", _list_rules(context)),
        Route("/_sandbox/rules", _add_rule(context), methods=["POST"]),
        Route("/_sandbox/rules/catalogue", _catalogue),
        Route("/_sandbox/rules/{rule_id}", _show_rule(context)),
        Route("/_sandbox/rules/{rule_id}", _end_rule(context), methods=["DELETE"]),
        Route("/_sandbox/rules/{rule_id}/release", _end_rule(context), methods=["POST"]),
        Route("/_sandbox/rules/{rule_id}/wait", _wait(context)),
    ]


async def _catalogue(_: Request) -> Response:
    return JSONResponse(rule_catalogue())


def _describe_rule(context: AppContext, rule_id: str, rule_state: RuleState) -> dict[str, object]:
    return {
        "id": rule_id,
        "hits": rule_state.hits,
        "holding": context.breakpoints.holding(rule_id),
        "ended": rule_state.ended,
        "rule": msgspec.to_builtins(rule_state.rule),
    }


def _list_rules(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        rule_state = context.tables.rules.all()
        return JSONResponse({"rules": [_describe_rule(context, rule_id, each) for rule_id, each in rule_state.items()]})

    return handle


def _add_rule(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            rule = msgspec.json.decode(await request.body(), type=Rule)
        except msgspec.MsgspecError as refused:
            return JSONResponse({"error": str(refused)}, status_code=422)
        return JSONResponse({"id": context.tables.rules.add(rule, context.clock.now())}, status_code=201)

    return handle


def _found(context: AppContext, rule_id: str, status: int = 200) -> Response:
    rule_state = context.tables.rules.get(rule_id)
    if rule_state is None:
        return JSONResponse({"error": f"There is no such rule: {rule_id}."}, status_code=404)
    return JSONResponse(_describe_rule(context, rule_id, rule_state), status_code=status)


def _show_rule(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        return _found(context, request.path_params["rule_id"])

    return handle


def _end_rule(context: AppContext) -> Handler:
    """End a rule and release what it holds."""

    async def handle(request: Request) -> Response:
        rule_id = request.path_params["rule_id"]
        if context.tables.rules.get(rule_id) is not None:
            context.tables.rules.end(rule_id)
            # Calls that the rule holds continue; ending it without this would hold them for ever.
            await context.breakpoints.release(rule_id)
        return _found(context, rule_id)

    return handle


def _wait(context: AppContext) -> Handler:
    """Wait until the rule holds, or has hit, enough calls; 408 if it takes too long."""

    async def handle(request: Request) -> Response:
        rule_id = request.path_params["rule_id"]
        try:
            holding = int(request.query_params.get("holding", "0"))
            hits = int(request.query_params.get("hits", "0"))
            timeout = float(request.query_params.get("timeout", "30"))
        except ValueError:
            return JSONResponse(
                {"error": "Invalid parameter. `holding`, `hits` and `timeout` must be numbers."}, status_code=422
            )
        if context.tables.rules.get(rule_id) is None:
            return _found(context, rule_id)

        def reached() -> bool:
            rule_state = context.tables.rules.get(rule_id)
            return (
                rule_state is not None and rule_state.hits >= hits and context.breakpoints.holding(rule_id) >= holding
            )

        in_time = await context.breakpoints.wait_for(reached, min(timeout, MAX_WAIT_SECONDS))
        return _found(context, rule_id, 200 if in_time else 408)

    return handle

"""What was told to webhooks, for whoever tests against the stand-in."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.model import webhook_deliveries


def webhook_routes(shell: Shell) -> list[Route]:
    """Everything under `/_sandbox/webhooks`."""
    return [
        Route("/_sandbox/webhooks", _list(shell)),
        Route("/_sandbox/webhooks/{number}", _show(shell)),
        Route("/_sandbox/webhooks/{number}/resend", _resend(shell), methods=["POST"]),
    ]


def _list(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        asked = {name: request.query_params.get(name) for name in ("client_key", "publish_id", "event")}
        wanted = {name: value for name, value in asked.items() if value is not None}
        shown = (webhook_deliveries.describe(name, each) for name, each in shell.world.deliveries.rows.items())
        return JSONResponse({"deliveries": [each for each in shown if wanted.items() <= each.items()]})

    return handle


def _unknown() -> Response:
    return JSONResponse({"error": "no such delivery"}, status_code=404)


def _show(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        number = request.path_params["number"]
        found = shell.world.deliveries.rows.get(number)
        return _unknown() if found is None else JSONResponse(webhook_deliveries.describe(number, found))

    return handle


def _resend(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        number, known = request.path_params["number"], shell.world.deliveries
        found = known.rows.get(number)
        if found is None:
            return _unknown()
        again = webhook_deliveries.once_more(found, shell.clock.now())
        known.put(number, again)
        shell.changed()
        return JSONResponse(webhook_deliveries.describe(number, again), status_code=202)

    return handle

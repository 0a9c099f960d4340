"""Shows the deliveries to webhooks, and sends one again."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model import webhook_deliveries


def webhook_routes(context: AppContext) -> list[Route]:
    """Return the routes under `/_sandbox/webhooks`."""
    return [
        Route("/_sandbox/webhooks", _list(context)),
        Route("/_sandbox/webhooks/{number}", _show(context)),
        Route("/_sandbox/webhooks/{number}/resend", _resend(context), methods=["POST"]),
    ]


def _list(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        query = {name: request.query_params.get(name) for name in ("client_key", "publish_id", "event")}
        filters = {name: value for name, value in query.items() if value is not None}
        shown = (webhook_deliveries.describe(name, each) for name, each in context.tables.deliveries.rows.items())
        return JSONResponse({"deliveries": [each for each in shown if filters.items() <= each.items()]})

    return handle


def _unknown() -> Response:
    return JSONResponse({"error": "There is no such delivery."}, status_code=404)


def _show(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        number = request.path_params["number"]
        found = context.tables.deliveries.rows.get(number)
        return _unknown() if found is None else JSONResponse(webhook_deliveries.describe(number, found))

    return handle


def _resend(context: AppContext) -> Handler:
    """Make a delivery due again, in any state."""

    async def handle(request: Request) -> Response:
        number, deliveries = request.path_params["number"], context.tables.deliveries
        found = deliveries.rows.get(number)
        if found is None:
            return _unknown()
        again = webhook_deliveries.resent(found, context.clock.now())
        deliveries.put(number, again)
        context.notify_change()
        return JSONResponse(webhook_deliveries.describe(number, again), status_code=202)

    return handle

"""Requests to the admin API and the audit records they leave."""

from collections.abc import Iterable
from datetime import datetime

from common.contract.audit import Action, AuditRecorded
from common.contract.body import Body

ADMIN = "/v1/admin/tenants"
SECRET = "planted-client-secret-0123456789"
APP = {"client_key": "aw-acme", "client_secret": SECRET}
KEY: dict[str, object] = {"name": "backend", "scopes": ["accounts:manage"]}
ROUTES = [
    ("GET", ADMIN),
    ("GET", f"{ADMIN}/acme"),
    ("PUT", f"{ADMIN}/acme"),
    ("PUT", f"{ADMIN}/acme/app"),
    ("DELETE", f"{ADMIN}/acme/app"),
    ("GET", f"{ADMIN}/acme/keys"),
    ("POST", f"{ADMIN}/acme/keys"),
    ("DELETE", f"{ADMIN}/acme/keys/abcdefghijkl"),
]


def audit_records(events: Iterable[Body]) -> list[tuple[Action, str, str]]:
    notes = (event for event in events if isinstance(event, AuditRecorded))
    return [(note.action, note.target, note.by) for note in notes]


def as_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")

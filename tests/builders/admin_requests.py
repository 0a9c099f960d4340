"""What the tests of the admin API share."""

from datetime import datetime

from common.contract.audit import Action, AuditRecorded
from harness.auth_api import AuthApi

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


def audit_records(auth_api: AuthApi) -> list[tuple[Action, str, str]]:
    told = (event for event in auth_api.worker.published if isinstance(event, AuditRecorded))
    return [(note.action, note.target, note.by) for note in told]


def as_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")

"""The uploader as the runtime sees it."""

from common.events.topics import AUTH_ACCOUNTS, AUTH_CREDENTIALS, POST_EVENTS, POST_REQUESTS
from common.post_keys import with_tenant
from common.streams.machine import Key, Machine
from uploader_service.decisions import decide
from uploader_service.facts import Fact
from uploader_service.inputs import illegible, interpret, notice
from uploader_service.lanes import admit
from uploader_service.outcomes import SERVICE
from uploader_service.plans import todo
from uploader_service.post import Post, tenant_of
from uploader_service.wishes import Init, Wanted


def rename(key: Key, state: Post) -> Key:
    """Name a state in full that was written before posts were told apart by tenant."""
    return with_tenant(key, tenant_of(state))


MACHINE: Machine[Post, Fact, Wanted] = Machine(
    service=SERVICE,
    inputs=(POST_REQUESTS, POST_EVENTS),
    views=(AUTH_CREDENTIALS, AUTH_ACCOUNTS),
    state_type=Post,
    interpret=interpret,
    decide=decide,
    todo=todo,
    admit=admit,
    notice=notice,
    tenant=tenant_of,
    rename=rename,
    illegible=illegible,
    uninterruptible=(Init,),
)

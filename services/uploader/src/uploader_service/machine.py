"""The uploader as the runtime sees it."""

from common.contract.state_keys import named_in_full
from common.contract.topics import AUTH_ACCOUNTS, AUTH_CREDENTIALS, POST_EVENTS, POST_REQUESTS
from common.streams.api import Machine
from uploader_service.decisions import decide
from uploader_service.facts import Fact
from uploader_service.inputs import illegible, interpret, notice
from uploader_service.lanes import admit
from uploader_service.outcomes import SERVICE
from uploader_service.plans import todo
from uploader_service.post import Post, tenant_of
from uploader_service.wishes import Init, Wanted

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
    rename=named_in_full(tenant_of),
    illegible=illegible,
    uninterruptible=(Init,),
)

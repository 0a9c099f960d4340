"""The uploader as the runtime sees it."""

from common.contract.topics import AUTH_ACCOUNTS, AUTH_CREDENTIALS, POST_EVENTS, POST_REQUESTS
from common.streams.api import Processor
from uploader_service import service
from uploader_service.admission import admit
from uploader_service.decisions import decide
from uploader_service.effects import Init, Wanted
from uploader_service.facts import Fact
from uploader_service.plans import next_effect
from uploader_service.states import Post, tenant_of
from uploader_service.translate import illegible, on_view_change, translate

MACHINE: Processor[Post, Fact, Wanted] = Processor(
    service=service.NAME,
    inputs=(POST_REQUESTS, POST_EVENTS),
    views=(AUTH_CREDENTIALS, AUTH_ACCOUNTS),
    state_type=Post,
    translate=translate,
    decide=decide,
    next_effect=next_effect,
    admit=admit,
    on_view_change=on_view_change,
    fairness_key=tenant_of,
    on_undecodable=illegible,
    uninterruptible=(Init,),
)

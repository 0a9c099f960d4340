"""The uploader as the runtime sees it."""

from common.contract.topics import AUTH_ACCOUNTS, AUTH_CREDENTIALS, POST_EVENTS, POST_REQUESTS
from common.streams import Processor
from uploader_service.admission import admit
from uploader_service.decisions import decide
from uploader_service.effects import Init, Wanted
from uploader_service.facts import Fact
from uploader_service.plans import next_effect
from uploader_service.service import NAME
from uploader_service.states import Post, tenant_of
from uploader_service.translate import illegible, on_view_change, translate


class UploaderProcessor(Processor[Post, Fact, Wanted]):
    """Uploads posts: each request becomes a state, and each state asks TikTok for one thing at a time."""

    service = NAME
    inputs = (POST_REQUESTS, POST_EVENTS)
    views = (AUTH_CREDENTIALS, AUTH_ACCOUNTS)
    state_type = Post
    uninterruptible = (Init,)
    translate = staticmethod(translate)
    decide = staticmethod(decide)
    next_effect = staticmethod(next_effect)
    admit = staticmethod(admit)
    on_view_change = staticmethod(on_view_change)
    fairness_key = staticmethod(tenant_of)
    on_undecodable = staticmethod(illegible)


PROCESSOR = UploaderProcessor()

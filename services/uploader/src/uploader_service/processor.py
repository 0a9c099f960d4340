"""The uploader as the runtime gets it: its topics and its pure functions."""

from common.contract.topics import AUTH_ACCOUNTS, AUTH_CREDENTIALS, POST_EVENTS, POST_REQUESTS
from common.streams import Processor
from uploader_service import service
from uploader_service.admission import admit
from uploader_service.decisions import decide
from uploader_service.effects import Effect, InitVideoUpload
from uploader_service.facts import Fact
from uploader_service.plans import next_effect
from uploader_service.states import Post, tenant_of
from uploader_service.translate import on_undecodable, on_view_change, translate


class UploaderProcessor(Processor[Post, Fact, Effect]):
    """Uploads posts: each request becomes a state, and each state requests one effect at a time."""

    service = service.NAME
    inputs = (POST_REQUESTS, POST_EVENTS)
    views = (AUTH_CREDENTIALS, AUTH_ACCOUNTS)
    state_type = Post
    # An init that is cut off costs one of the account's few inits a minute, so a stopping process lets it finish.
    uninterruptible = (InitVideoUpload,)
    translate = staticmethod(translate)
    decide = staticmethod(decide)
    next_effect = staticmethod(next_effect)
    admit = staticmethod(admit)
    on_view_change = staticmethod(on_view_change)
    # One tenant with thousands of posts must not delay those of another.
    fairness_key = staticmethod(tenant_of)
    on_undecodable = staticmethod(on_undecodable)


PROCESSOR = UploaderProcessor()

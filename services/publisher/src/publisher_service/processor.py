"""The publisher as the runtime sees it: its topics, its states and its pure functions."""

from common.contract.topics import AUTH_CREDENTIALS, POST_EVENTS
from common.streams import Processor
from publisher_service import service
from publisher_service.admission import admit
from publisher_service.decisions import decide
from publisher_service.effects import Poll
from publisher_service.facts import Fact
from publisher_service.plans import next_effect
from publisher_service.states import Post, tenant_of
from publisher_service.translate import on_view_change, translate


class PublisherProcessor(Processor[Post, Fact, Poll]):
    """Follows each post from its hand-over until TikTok has decided about it."""

    service = service.NAME
    inputs = (POST_EVENTS,)
    views = (AUTH_CREDENTIALS,)
    state_type = Post
    translate = staticmethod(translate)
    decide = staticmethod(decide)
    next_effect = staticmethod(next_effect)
    admit = staticmethod(admit)
    on_view_change = staticmethod(on_view_change)
    # One tenant with thousands of posts must not delay those of another.
    fairness_key = staticmethod(tenant_of)


PROCESSOR = PublisherProcessor()

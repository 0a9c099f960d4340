"""What can go wrong in the publisher itself.

Errors:
    PublisherError
    ├── NotDurable                Kafka did not confirm a request that was taken over HTTP; it may be written or not
    └── NotificationNotDurable    the same for what TikTok told the webhook

What TikTok answers, and what fails on the way there, are facts (`post.py`); problems of clients are HTTP answers.
"""


class PublisherError(Exception):
    """The publisher cannot do its part."""


class NotDurable(PublisherError):
    """Kafka did not confirm a request in time."""

    def __init__(self, *, post_id: str) -> None:
        """Name the post, so that the client can ask for the same one again."""
        self.post_id = post_id
        super().__init__(f"Kafka did not confirm the request for post `{post_id}`; asking again for it is safe")


class NotificationNotDurable(PublisherError):
    """Kafka did not confirm a notification in time."""

    def __init__(self) -> None:
        super().__init__("Kafka did not confirm a notification of TikTok's; TikTok sends it again")

"""What a web process does once, before its first request."""

import gc

from django.urls import get_resolver


def settle() -> None:
    """Load every view, then take all that is loaded out of the rounds of the garbage collector: a round over all of it
    holds up the request that it falls into by a tenth of a second."""
    get_resolver().url_patterns  # noqa: B018 - reading it loads the views
    gc.collect()
    gc.freeze()

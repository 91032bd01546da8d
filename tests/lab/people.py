"""The tokens of those who act on an estate, made inside a running portal by `./soc manage shell`."""

import json

from django.db import transaction

from core import options
from core.actors import Actor
from tests.crash.company import CLIENTS, token_of

ACTOR = Actor.system("lab test")
ADMINISTRATORS = {"chief": "admin", "deputy": "admin"}


def lay() -> None:
    """Print `{client: secret}`."""
    with transaction.atomic():
        for key in options.get_many("caps."):  # more actions than a team would set going in an hour
            options.put(key, 0, actor=ACTOR)
        options.put("confirm.tokens", False, actor=ACTOR)  # nobody sits there who could confirm
        tokens = {client: token_of(client, role) for client, role in {**CLIENTS, **ADMINISTRATORS}.items()}
    print(json.dumps(tokens))  # noqa: T201 - read by the test

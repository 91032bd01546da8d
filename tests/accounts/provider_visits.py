"""What a browser does to sign in through the provider."""

from typing import Any

from django.test import Client

from tests.accounts import glewlwyd

BEGIN, CALLBACK = "/accounts/provider/corp/", "/accounts/provider/corp/callback/"


def fetch_answer(client: Client, over_there: glewlwyd.Provider, name: str = "ola", *, ask: str = "") -> dict[str, str]:
    """Press the button, agree over there; answers what the browser brings back."""
    sent = client.get(BEGIN + ask)
    assert sent.status_code == 302, sent.text
    return over_there.agree(name, sent["Location"])


def sign_in(client: Client, over_there: glewlwyd.Provider, name: str = "ola") -> Any:
    return client.get(CALLBACK, fetch_answer(client, over_there, name))


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def refused(answer: Any, client: Client) -> str:
    assert answer.status_code == 403
    assert not is_in(client)
    return str(answer.text)

"""Step-up: a dangerous act asks whoever does it to prove again who they are.

A room registers its act once, at import of a module that its `ready()` reads, and puts one line where the act is done:

    RESUME = step_up.register("stop_all_resume", "Resuming after stop-all")

    @step_up.needs(RESUME)              # a page, below `requires`
    step_up.require(request, RESUME)    # an operation of the API, or an act that is dangerous only in some cases

In the browser it asks for a second factor, else the password, unless one of them was given within the last minutes.
An API token passes while it is elevated, which is a matter of minutes and of somebody who confirmed. Each act is an
option of its own, so an administrator may switch the question off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from accounts.models import ApiToken
from core import clock, options
from core.options import Option, declare

SESSION_KEY = "confirmed_at"
MINUTES = declare(
    Option(
        "confirm.minutes",
        15,
        "Confirm: how long a confirmation holds",
        help="Minutes in which a password or second factor that was given is not asked for again.",
        minimum=1,
        maximum=240,
    )
).key
TOKENS = declare(
    Option(
        "confirm.tokens",
        True,
        "Confirm: API tokens too",
        help="A token does a dangerous act only for the minutes in which somebody elevated it.",
        kind="bool",
    )
).key


@dataclass(frozen=True, slots=True)
class Act:
    """A dangerous act: its key, and its name as in "Making an API token"."""

    key: str
    label: str

    @property
    def option(self) -> str:
        return f"confirm.{self.key}"


class StepUpRequired(Exception):
    """The act waits for a confirmation; pages answer with the question, the API with 403 `step_up_required`."""

    def __init__(self, act: Act) -> None:
        super().__init__(act.label)
        self.act = act


_registered: dict[str, Act] = {}


def register(key: str, label: str) -> str:
    """Put an act into the catalogue and answer its key; registering it twice is a mistake and raises at start."""
    if key in _registered:
        raise LookupError(f"The dangerous act {key!r} is registered twice.")
    act = Act(key, label)
    declare(Option(act.option, True, f"Confirm: {label}", help="Ask for password or second factor.", kind="bool"))
    _registered[key] = act
    return key


def acts() -> list[Act]:
    return sorted(_registered.values(), key=lambda act: act.key)


def needs(key: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """The view does the act: its dialog opens, and its form is taken, only after a confirmation."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def confirmed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            require(request, key)
            return view(request, *args, **kwargs)

        confirmed.dangerous_act = key  # type: ignore[attr-defined]
        return confirmed

    return decorate


def require(request: Any, key: str) -> None:
    """Raise `StepUpRequired` unless the one who asks has just confirmed; `request` is Django's or the API's."""
    act = _registered[key]
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        asked = options.get(TOKENS) and options.get(act.option)
        if asked and not token.is_elevated:
            raise StepUpRequired(act)
        return
    if options.get(act.option) and not is_fresh(getattr(request, "_request", request)):
        raise StepUpRequired(act)


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session gave a password or a factor within the last minutes; signing in with one counts."""
    at = request.session.get(SESSION_KEY)
    if not isinstance(at, int | float):
        return False
    minutes: int = options.get(MINUTES)
    return 0 <= clock.real_now().timestamp() - at < minutes * 60


def confirm(request: HttpRequest) -> None:
    """Note that whoever has this session has just proved who they are."""
    request.session[SESSION_KEY] = clock.real_now().timestamp()

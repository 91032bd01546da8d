"""The shape of a declaration: everything the portal knows about one action."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError

from incidents.enums import EntityKind, RemediationStatus
from remediation.enums import Approval, Facet, Risk

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a parameter. `effect` is the sentence of the dialog that this choice adds."""

    value: str
    label: str
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an action: a choice, or a short text. With `listed` the dialog offers what the connection lists
    within the action's facet, `without` being the offer to name none of it; the API takes the same keys as text.
    `for_api` is told to programs instead of `help`. `lines` may be several. `passing` names a thing of the moment,
    which no undo takes over. `effects` are the sentences of the dialog for a value that was given and for none."""

    name: str
    label: str
    choices: tuple[Choice, ...] = ()
    default: str = ""
    required: bool = True
    help: str = ""
    for_api: str = ""
    max_length: int = 300
    listed: bool = False
    lines: bool = False
    without: str = ""
    passing: bool = False
    effects: tuple[str, str] = ("", "")

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema, for the API's documentation."""
        schema: dict[str, Any] = {"type": "string", "title": self.label, "description": self.for_api or self.help}
        if self.choices:
            schema["enum"] = [choice.value for choice in self.choices]
        else:
            schema["maxLength"] = self.max_length
        if self.default:
            schema["default"] = self.default
        return schema

    def clean(self, value: object) -> str:
        """The value, or the default; raises `ValidationError` with the reason."""
        if value is None or value == "":
            if self.required and not self.default:
                raise ValidationError({self.name: f"{self.label} is needed."})
            return self.default
        if not isinstance(value, str):
            raise ValidationError({self.name: f"{self.label} is a text."})
        if self.choices and value not in {choice.value for choice in self.choices}:
            known = ", ".join(choice.value for choice in self.choices)
            raise ValidationError({self.name: f"{self.label} is one of {known}."})
        if len(value) > self.max_length or "\x00" in value:
            raise ValidationError({self.name: f"{self.label} has at most {self.max_length} printable characters."})
        return value

    def choice(self, value: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.value == value), None)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: waiting for an offline target, from handing over to start, from start to end."""

    queue_s: int = 3 * DAY_S
    start_s: int = 1_800
    run_s: int = 1_800


@dataclass(frozen=True, slots=True)
class Action:
    """One action. Buttons, dialogs, API, documentation and policy are derived from it.

    `label` is the noun phrase ("Isolate device"), `verb` the button ("Isolate"), `running` and `done` what a state
    badge says. `effects` are sentences of the dialog, with `{target}` and the arguments as placeholders.
    `wanted` is the facet word that must be observed before the run counts as succeeded, `wanted_arguments` the
    arguments that must be observed with it; with `by_order` this very order must be seen there (a scan leaves no
    other state). `facet_argument` names the argument that narrows the facet to one object. `acts_on` differs from
    `target_kind` when the action fans out to children. `undo` names the inverse; without one `why_no_undo` says why.
    `wanted_argument` names the argument whose value is the wanted word. `in_portal` marks a fact that the portal itself
    keeps: it is written at once, read back, and may be its own inverse. `guarded` artefacts are handed out only to
    somebody who says why. `offered` says that it has a button of its own on its targets. `noun` and `part` are for
    sentences ("Request isolation", "Disable rule in ...").
    """

    key: str
    label: str
    verb: str
    running: str
    done: str
    target_kind: EntityKind
    facet: Facet
    wanted: str
    effects: tuple[str, ...]
    checked_by: str
    request_permissions: tuple[str, ...]
    decide_permissions: tuple[str, ...]
    risk: Risk
    approval: Approval
    parameters: tuple[Parameter, ...] = ()
    wanted_arguments: tuple[str, ...] = ()
    by_order: bool = False
    facet_argument: str = ""
    acts_on: EntityKind | None = None
    undo: str = ""
    why_no_undo: str = ""
    in_force: bool = False
    contains: bool = False
    evidence_status: RemediationStatus | None = None
    limits: Limits = field(default_factory=Limits)
    icon: str = ""
    order: int = 100
    wanted_argument: str = ""
    in_portal: bool = False
    guarded: bool = False
    noun: str = ""
    part: str = ""
    offered: bool = True
    counted: str = ""

    @property
    def fans_out(self) -> bool:
        return self.acts_on is not None

    @property
    def by_peers(self) -> bool:
        """Whether devices do it to the target: a device or an account that is contained needs no connection itself."""
        return self.acts_on is not None and self.target_kind in (self.acts_on, EntityKind.IDENTITY)

    @property
    def needs_approval(self) -> bool:
        return self.approval == Approval.ANOTHER_PERSON

    @property
    def arguments_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {parameter.name: parameter.schema for parameter in self.parameters},
            "required": [one.name for one in self.parameters if one.required and not one.default],
        }

    def clean(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        """The arguments with defaults filled in; raises `ValidationError` naming the field."""
        unknown = set(arguments) - {parameter.name for parameter in self.parameters}
        if unknown:
            name = min(unknown, key=str)
            raise ValidationError({str(name)[:80]: f"{self.label} takes no argument of this name."})
        cleaned = {one.name: one.clean(arguments.get(one.name)) for one in self.parameters}
        return {name: value for name, value in cleaned.items() if value}

    def own(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Of a run's arguments those that a person gave; the others were written down beside them when it was asked."""
        names = {parameter.name for parameter in self.parameters}
        return {name: value for name, value in arguments.items() if name in names}

    def wanted_of(self, arguments: Mapping[str, Any]) -> str:
        """The facet word that must be observed after a run with these arguments."""
        return str(arguments.get(self.wanted_argument) or self.wanted) if self.wanted_argument else self.wanted

    def facet_key(self, arguments: Mapping[str, str]) -> str:
        """The object within the facet; a long name is hashed, because two long names must not become one."""
        name = arguments.get(self.facet_argument, "").strip("<> ").lower() if self.facet_argument else ""
        return name if len(name) <= 80 else f"sha256:{sha256(name.encode()).hexdigest()}"

    def sentences(self, *, target: str, arguments: Mapping[str, str]) -> tuple[str, ...]:
        """What the dialog says will happen."""
        texts = list(self.effects)
        for parameter in self.parameters:
            choice = parameter.choice(arguments.get(parameter.name, parameter.default))
            if choice is not None and choice.effect:
                texts.append(choice.effect)
            texts += filter(None, [parameter.effects[not arguments.get(parameter.name)]])
        words = {}
        for parameter in self.parameters:
            value = arguments.get(parameter.name, parameter.default)
            choice = parameter.choice(value)
            words[parameter.name] = choice.label.lower() if choice else value
        return tuple(text.format(target=target, **words) for text in texts)

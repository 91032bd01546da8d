"""What people say about a device. The portal keeps these facts itself: they are written at once and read back."""

from accounts import keys
from incidents.enums import Criticality, DeviceValue, EntityKind
from remediation.catalog.action import Action, Choice, Parameter
from remediation.enums import Approval, Facet, Risk

_CHECKED = "The portal's own record of the device is read back."
_TAG = Parameter("tag", "Tag", help="One tag, at most 80 characters.", max_length=80)


def _fact(key: str, label: str, verb: str, **more: object) -> Action:
    return Action(
        key=key,
        label=label,
        verb=verb,
        running=f"{label}: being written",
        target_kind=EntityKind.DEVICE,
        checked_by=_CHECKED,
        request_permissions=(keys.MANAGE_ALERTS,),
        decide_permissions=(keys.MANAGE_ALERTS,),
        risk=Risk.LOW,
        approval=Approval.NONE,
        in_portal=True,
        **more,  # type: ignore[arg-type]
    )


ADD_TAG = _fact(
    "device.add_tag",
    "Add tag",
    "Add tag",
    done="Tag added",
    parameters=(_TAG,),
    facet=Facet.TAGS,
    facet_argument="tag",
    wanted="present",
    effects=("{target} bears the tag {tag} from now on; rules of device groups may follow it.",),
    undo="device.remove_tag",
    icon="tag",
    order=80,
)

REMOVE_TAG = _fact(
    "device.remove_tag",
    "Remove tag",
    "Remove tag",
    done="Tag removed",
    parameters=(_TAG,),
    facet=Facet.TAGS,
    facet_argument="tag",
    wanted="absent",
    effects=("{target} no longer bears the tag {tag}; rules of device groups may follow that.",),
    undo="device.add_tag",
    icon="tag",
    order=81,
)

SET_VALUE = _fact(
    "device.set_value",
    "Set device value",
    "Set value",
    done="Value set",
    parameters=(
        Parameter(
            "value",
            "Value",
            choices=tuple(Choice(one.value, str(one.label)) for one in DeviceValue),
            default=DeviceValue.HIGH.value,
        ),
    ),
    facet=Facet.VALUE,
    wanted=DeviceValue.HIGH.value,
    wanted_argument="value",
    effects=("The value of {target} becomes {value}; the priority of its incidents may change.",),
    undo="device.set_value",
    icon="sliders",
    order=82,
)

SET_CRITICALITY = _fact(
    "device.set_criticality",
    "Set criticality",
    "Set criticality",
    done="Criticality set",
    parameters=(
        Parameter(
            "criticality",
            "Criticality",
            choices=tuple(Choice(one.value, str(one.label)) for one in Criticality),
            default=Criticality.HIGH.value,
        ),
    ),
    facet=Facet.CRITICALITY,
    wanted=Criticality.HIGH.value,
    wanted_argument="criticality",
    effects=("The criticality of {target} becomes {criticality}; the priority of its incidents may change.",),
    undo="device.set_criticality",
    icon="flag",
    order=83,
)

ACTIONS = (ADD_TAG, REMOVE_TAG, SET_VALUE, SET_CRITICALITY)

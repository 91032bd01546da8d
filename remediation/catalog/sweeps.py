"""Looking for the traces of an incident on a device: asked through a sweep, which gives each device the same list."""

from accounts import keys
from incidents.enums import EntityKind
from remediation.catalog.action import Action, Limits, Parameter
from remediation.enums import Approval, Facet, Risk

KEY = "device.sweep"
MOST_SIGNS = 60_000

SWEEP = Action(
    key=KEY,
    label="Sweep device",
    verb="Sweep",
    noun="a sweep",
    running="Looking for indicators",
    done="Swept",
    target_kind=EntityKind.DEVICE,
    parameters=(
        Parameter(
            "indicators",
            "Indicators",
            help='What to look for, as JSON: [{"id", "kind", "value"}]; kind is hash, path, address, domain, account '
            "or persistence. The sweep of an incident fills it in.",
            max_length=MOST_SIGNS,
        ),
    ),
    facet=Facet.SWEEP,
    wanted="finished",
    by_order=True,
    effects=("{target} looks for what was named and tells where it is. Nothing is changed there.",),
    checked_by="The device's own answer to this order is read.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.LOW,
    approval=Approval.NONE,
    why_no_undo="Looking changes nothing on the device.",
    limits=Limits(queue_s=4 * 3_600, run_s=3_600),
    icon="search",
    offered=False,
    order=45,
)

ACTIONS = (SWEEP,)

"""What the team leaves open when the play begins: a request that waits for a decision, an order for a lost laptop.
After the past is told, a quarantine that somebody lifted by hand."""

from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from django.db import transaction

from accounts.models import User
from connectors.kinds.simulator.world import change_behind_our_back
from exercises.attacks.mail_fraud import PAYMENT, SHARED
from exercises.history.story import Deed, Step
from exercises.keys import DEMO
from exercises.models import Exercise
from exercises.services.past_actions import act, ask
from incidents.models import Incident
from remediation.models import ActionRun, ControlState
from remediation.refused import Refused

_MESSAGE = Step(Deed.DELETE_MESSAGE, SHARED, "Asks for payment to a new account; still unread there.", letter=PAYMENT)
_LOST = Step(Deed.ISOLATE, "SAL-LT-007", "Left on a train last night. Cut it off as soon as it shows up.")


def leave_standing(exercise: Exercise, *, anchor: datetime) -> None:
    """Done once; the first belongs to the mail fraud."""
    with transaction.atomic():
        row = Exercise.objects.select_for_update().get(pk=exercise.pk)
        if row.plan.get("standing"):
            return
        people = {user.username: user for user in User.objects.filter(exercise=DEMO)}
        analyst, responder = people["demo.leila.haddad"], people["demo.dev.anand"]
        fraud = Incident.objects.filter(alerts__evidence__mailbox__key=SHARED, exercise=DEMO).distinct().open().first()
        if analyst.is_active and responder.is_active:
            with suppress(Refused):  # the portal's brakes hold for the demo as well
                ask(_MESSAGE, incident=fraud, at=anchor - timedelta(minutes=4), analyst=analyst)
            since = anchor - timedelta(hours=5)
            rng = Random(f"{row.seed}:standing:1")  # noqa: S311 - a play, not a secret
            with suppress(Refused):
                act(_LOST, incident=None, at=since, analyst=analyst, responder=responder, rng=rng)
        row.plan = {**row.plan, "standing": True}
        row.save(update_fields=["plan"])
    exercise.refresh_from_db()


def let_drift() -> None:
    """On one machine somebody has taken a file out of its quarantine by hand; the portal finds that by looking."""
    runs = ActionRun.objects.filter(exercise=DEMO, action="file.quarantine").exclude(connection=None)
    held = ControlState.objects.filter(desired="quarantined", observed="quarantined", run_id__in=runs.values("pk"))
    state = held.order_by("-since", "-pk").first()
    if state is None:
        return
    run = runs.select_related("connection").get(pk=state.run_id or 0)
    if run.connection is not None:
        change_behind_our_back(run.connection, "device", run.remote_id, files={state.facet_key: "present"})

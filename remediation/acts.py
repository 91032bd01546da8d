"""The dangerous acts of this room; each asks for a confirmation first."""

from accounts import step_up

APPROVE_ALONE = step_up.register("approve_alone", "Approving alone in an emergency")
RESUME = step_up.register("stop_all_resume", "Resuming after stop-all")
CHANGE_BRAKES = step_up.register("brakes_change", "Changing protected assets or approver rules")

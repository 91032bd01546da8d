"""The dangerous acts of this room; each asks for a confirmation first."""

from accounts import step_up

MAKE_ENROLMENT = step_up.register("enrolment_token_make", "Making an enrolment token for endpoint agents")
MAKE_RELEASE_CODE = step_up.register("release_code_make", "Making a release code for an isolated device")

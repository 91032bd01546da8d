"""The dangerous acts of this room; each asks for a confirmation first."""

from accounts import step_up

OPEN_SESSION = step_up.register("live_response_open", "Opening a live-response session")
APPROVE_SHELL = step_up.register("live_response_shell", "Approving a raw shell on a device")
CHANGE_LIBRARY = step_up.register("live_response_library", "Changing the live-response library")

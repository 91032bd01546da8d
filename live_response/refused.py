"""What live response says no to, in one error that pages and API both understand."""

CODES: dict[str, str] = {
    "forbidden": "A right is missing.",
    "no_agent": "No agent works on the device.",
    "cannot": "The agent cannot do this on the device.",
    "away": "The agent is away.",
    "taken": "Another session is open on the device.",
    "too_many": "As many sessions or commands are open as may be.",
    "four_eyes": "Somebody else decides, who may, while there is time.",
    "not_yours": "Somebody else's session.",
    "ended": "The session or the command has ended.",
    "connecting": "The session is not connected yet.",
    "bad_line": "The line is no command.",
    "not_there": "What is named does not exist.",
    "exists": "Something of this name is there already.",
    "too_large": "It is larger than what is taken.",
    "tampered": "What is stored does not fit its signature.",
    "stopped": "Stop-all is in force.",
    "unavailable": "The part of the portal that does it is not there.",
}


class NotPossible(Exception):
    """`code` is for programs, the message for people; `link` leads to what stands in the way."""

    def __init__(self, code: str, message: str, *, link: str = "") -> None:
        if code not in CODES:
            raise LookupError(f"The code {code!r} is not declared.")
        super().__init__(message)
        self.code, self.message, self.link = code, message, link

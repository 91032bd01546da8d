"""What the words of `./soc` tell a person in one line."""


class UpError(Exception):
    """Something a person can mend; the text says what and, where known, how."""


class StopRequested(BaseException):
    """A person or the system asked to stop while the portal was still starting.

    Not an `Exception`, so that no handler on the way swallows it.
    """

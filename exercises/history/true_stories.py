"""The real attacks of the past quarter and how often each occurred."""

from exercises.history.account_stories import leaver, mailbox_rules, phishing, spray
from exercises.history.machine_stories import crane_panel, foothold, malware, red_team, web_shell
from exercises.history.story import Teller

# (how many of each, who tells it)
TRUE_STORIES: list[tuple[int, Teller]] = [
    (11, phishing),
    (12, malware),
    (6, spray),
    (4, mailbox_rules),
    (2, web_shell),
    (2, leaver),
    (5, foothold),
    (1, crane_panel),
    (2, red_team),
]

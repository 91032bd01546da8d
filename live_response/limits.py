"""How much of it there may be at once, and for how long."""

from datetime import timedelta

from core.options import Option, declare

MOST_SESSIONS = declare(
    Option("live_response.sessions", 25, "Live response: open sessions", minimum=1, maximum=500,
           help="In the whole portal at the same time.")
).key  # fmt: skip
MOST_OF_A_PERSON = declare(
    Option(
        "live_response.sessions_per_person", 10, "Live response: open sessions of one person", minimum=1, maximum=100
    )
).key
IDLE_MINUTES = declare(
    Option("live_response.idle_minutes", 30, "Live response: minutes without input", minimum=1, maximum=480,
           help="After so many minutes in which nobody typed, a session ends. What a command tells does not count.")
).key  # fmt: skip
# A raw shell: how long it is asked for, how long its approval is waited for, how much of it is kept.
SHELL_MINUTES, LEAST_SHELL_MINUTES, MOST_SHELL_MINUTES = 30, 5, 120
DECIDE_WITHIN = timedelta(minutes=15)
MOST_TYPED, MOST_PARTS, MOST_SAID = 8_192, 200, 65_536
MOST_KEPT = 16 * 1024 * 1024
CONNECT_WITHIN = timedelta(minutes=3)
LOST_AFTER = timedelta(minutes=10)
TYPED_EXPIRES = timedelta(minutes=5)
BATCH_EXPIRES = timedelta(days=3)
QUERY_EXPIRES = timedelta(hours=1)
MOST_RUNNING = 10
MOST_COMMANDS = 2_000
MOST_OUTPUT = 1_048_576
MOST_ROWS = 20_000
MOST_DEVICES = 500
# A file that travels as text in JSON; the page and a form over the API send it as it is.
MOST_UPLOAD = 15 * 1024 * 1024
MOST_LIBRARY = 250 * 1024 * 1024
TICKET_S = 3600
MOST_PUT = declare(
    Option("live_response.putfile_mib", 10, "Live response: largest file that is put onto a device", minimum=1,
           maximum=250, help="In MiB. Scripts that are run may be as large as the library takes.")
).key  # fmt: skip

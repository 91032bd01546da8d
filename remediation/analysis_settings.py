"""What administrators may set on deep analysis."""

from core import options
from core.options import Option

ON_THIS_HOST = "analysis.on_this_host"
RUN_S = "analysis.run_s"
KEEP_SAMPLES_DAYS = "analysis.keep_samples_days"

options.declare(
    Option(
        ON_THIS_HOST, default=False, label="Deep analysis: run samples on the portal's own host", kind="bool",
        help="Samples are hostile. Namespaces keep them from files, processes and the network, but they share this "
        "machine's kernel: whoever breaks the kernel has the portal. Run the analysis host on a machine of its own "
        "that can be thrown away, and leave this off.",
    )
)  # fmt: skip
options.declare(
    Option(
        RUN_S, default=30, label="Deep analysis: seconds that a sample runs", minimum=2, maximum=120,
        help="What still runs then is ended, and the report says so.",
    )
)  # fmt: skip
options.declare(
    Option(
        KEEP_SAMPLES_DAYS, default=30, label="Deep analysis: days that a sample is kept", minimum=1, maximum=3_650,
        help="Encrypted, for analysing it again. The report stays when the sample is gone.",
    )
)  # fmt: skip


def runs_here() -> bool:
    return bool(options.get(ON_THIS_HOST))


def run_seconds() -> int:
    return int(options.get(RUN_S))


def keep_days() -> int:
    return int(options.get(KEEP_SAMPLES_DAYS))

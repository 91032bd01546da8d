"""Whether `./soc up` is to run an analysis worker on this machine: an administrator's word, kept where the supervisor,
which knows no database, finds it."""

from pathlib import Path

from django.conf import settings

from remediation.analysis_settings import runs_here

MARK = "analysis-here"


def tell_supervisor() -> None:
    """The file is there while the option is on."""
    mark = Path(settings.DATA_DIR) / MARK
    if runs_here():
        mark.touch()
    else:
        mark.unlink(missing_ok=True)

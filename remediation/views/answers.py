"""What a dialog of this room answers when it is done."""

from django.http import HttpRequest, HttpResponse

from core import htmx
from remediation.models import ActionRun

SHOW_RUNS = ("[data-runs]", "[data-refresh]", "#node-body", "#respond")


def done(request: HttpRequest, *, title: str, detail: str, url: str, run: ActionRun | None = None) -> HttpResponse:
    """Close the dialog, say the outcome, and let the parts of the page that show runs fetch themselves again. What was
    said of the same `run`, or of the one that it undoes, holds no longer."""
    about = f"run:{run.undoes_id or run.pk}" if run else ""
    return htmx.done(request, title, back=url, detail=detail, refresh=SHOW_RUNS, about=about)

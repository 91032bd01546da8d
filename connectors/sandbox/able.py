"""Whether this machine can run samples: tried out, not guessed from versions."""

from functools import cache

from connectors.sandbox.jail import missing_tools
from connectors.sandbox.limits import Limits
from connectors.sandbox.run import AnalysisFailed, analyse


@cache
def missing() -> str:
    """Why it cannot, and what mends it; empty when it can."""
    if reason := missing_tools():
        return reason
    try:
        told = analyse(b"#!/bin/sh\ntrue\n", "trial", Limits(run_s=10, linger_s=1))
    except AnalysisFailed as failed:
        return failed.message
    dynamic = told.get("dynamic", {})
    if not dynamic.get("ran"):
        return str(dynamic.get("why_not"))
    return "" if dynamic.get("exit_code") == 0 else f"a trial in the jail did not end well: {dynamic.get('said')}"

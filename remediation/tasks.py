"""Tasks of runs: each takes an id and moves one run one step."""

from celery import shared_task

from core import jobs
from remediation.analysis_host import tell_supervisor
from remediation.services.analysis_settle import settle
from remediation.services.analysis_work import analyse_one_here
from remediation.services.claims import due_runs
from remediation.services.drift import look_at_due
from remediation.services.emergency import roll_back_due
from remediation.services.enforce_indicators import enforce_all
from remediation.services.execute import advance_run as take_step
from remediation.services.expire import expire_due
from remediation.services.follow_containments import follow_containments
from remediation.services.page_approvers import page_waiting
from remediation.services.recover import finish_due
from remediation.services.remove_indicator import expire_indicators
from remediation.services.sweep import ask_devices, sweep_due
from remediation.services.take_sweep import catch_up

SWEEP = 50


@shared_task
def advance_run(run_id: int) -> None:
    take_step(run_id)


@shared_task
def advance_runs() -> None:
    """The sweep that finds what a lost message or a dead worker has left behind, and the children of a file action."""
    jobs.woken("remediation.tasks.advance_runs")
    due = due_runs(SWEEP)
    for run_id in due:
        take_step(run_id)
    if len(due) == SWEEP:
        jobs.wake("remediation.tasks.advance_runs")


@shared_task
def enforce_indicators() -> None:
    """Those whose time is over leave force; then every connection is brought in line."""
    jobs.woken("remediation.tasks.enforce_indicators")
    expire_indicators()
    enforce_all()


@shared_task
def expire_decisions() -> None:
    expire_due()


@shared_task
def watch_approvals() -> None:
    """Call whoever has to decide, and take back what nobody ratified."""
    page_waiting()
    roll_back_due()


@shared_task
def watch_what_is_in_force() -> None:
    """Look whether targets are still as the last action left them, and let containments follow their devices."""
    look_at_due()
    follow_containments()


@shared_task
def ask_sweep(sweep_id: int) -> None:
    ask_devices(sweep_id)


@shared_task
def advance_sweeps() -> None:
    """What a lost message has left behind."""
    sweep_due()
    catch_up()


@shared_task
def settle_analyses() -> None:
    """Samples that arrived, hosts that were lost, reports to compare; and whether a worker is wanted on this host."""
    jobs.woken("remediation.tasks.settle_analyses")
    settle()
    tell_supervisor()


@shared_task
def analyse_here() -> None:
    """One file after the other, on the queue that only an analysis worker reads."""
    jobs.woken("remediation.tasks.analyse_here")
    if analyse_one_here():
        jobs.enqueue("remediation.tasks.analyse_here")


@shared_task
def end_watches() -> None:
    """Devices whose watch period is over are back at work."""
    finish_due()

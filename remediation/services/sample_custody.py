"""The chain of custody of samples: from whom the copy came, and which host was given it to look into."""

from core.actors import Actor
from remediation.enums import CustodyKind
from remediation.models import Custody, DeepAnalysis, RunArtefact
from remediation.services.custody import Piece, custody_of, note_opened, take_into_custody


def take_sample(analysis: DeepAnalysis, *, came_with: RunArtefact | None = None) -> None:
    """Begin the record of its copy; what a device signed for the file goes with it. Runs in the caller's
    transaction."""
    sample = analysis.sample
    if sample is None:
        return
    first = custody_of(came_with) if came_with is not None else None
    piece = Piece(
        _reference(analysis), CustodyKind.SAMPLE, analysis.name, sample.sha256, sample.size, sample, analysis.device,
        analysis.incident, analysis.run, first.proof if first is not None else None, analysis.thread,
    )  # fmt: skip
    take_into_custody(piece, actor=Actor.from_json(analysis.asked_by))


def note_analysed(analysis: DeepAnalysis, *, actor: Actor) -> None:
    """A host was given it. Runs in the caller's transaction."""
    custody = Custody.objects.filter(reference=_reference(analysis)).first()
    if custody is not None:
        note_opened(custody, actor=actor, reason="Deep analysis", analysis=analysis.number, host=analysis.host)


def _reference(analysis: DeepAnalysis) -> str:
    return f"analysis:{analysis.pk}"

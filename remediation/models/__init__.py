from remediation.models.control_state import ControlState
from remediation.models.refusal import Refusal
from remediation.models.run import ActionRun
from remediation.models.run_artefact import RunArtefact
from remediation.models.run_log import RunLog

__all__ = ["ActionRun", "ControlState", "Refusal", "RunArtefact", "RunLog"]

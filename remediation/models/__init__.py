from remediation.models.approval_page import ApprovalPage
from remediation.models.approver_rule import ApproverRule
from remediation.models.control_state import ControlState
from remediation.models.emergency import EmergencyApproval
from remediation.models.expert import ExpertGroup, ExpertMessage, ExpertRequest, Retainer
from remediation.models.hold import Hold
from remediation.models.indicator import Indicator, IndicatorChange, IndicatorEnforcement
from remediation.models.indicator_hit import HitsRead, IndicatorHit
from remediation.models.protection import ProtectedAsset
from remediation.models.refusal import Refusal
from remediation.models.run import ActionRun
from remediation.models.run_artefact import RunArtefact
from remediation.models.run_log import RunLog

__all__ = [
    "ActionRun",
    "ApprovalPage",
    "ApproverRule",
    "ControlState",
    "EmergencyApproval",
    "ExpertGroup",
    "ExpertMessage",
    "ExpertRequest",
    "HitsRead",
    "Hold",
    "Indicator",
    "IndicatorChange",
    "IndicatorEnforcement",
    "IndicatorHit",
    "ProtectedAsset",
    "Refusal",
    "Retainer",
    "RunArtefact",
    "RunLog",
]

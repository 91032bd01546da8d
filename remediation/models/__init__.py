from remediation.models.agent_rules import IsolationRule, TrustedPrograms
from remediation.models.approval_page import ApprovalPage
from remediation.models.approver_rule import ApproverRule
from remediation.models.control_state import ControlState
from remediation.models.custody import Custody, QuarantinedItem
from remediation.models.deep_analysis import DeepAnalysis
from remediation.models.emergency import EmergencyApproval
from remediation.models.expert import ExpertGroup, ExpertMessage, ExpertRequest, Retainer
from remediation.models.hold import Hold
from remediation.models.indicator import Indicator, IndicatorChange, IndicatorEnforcement
from remediation.models.indicator_hit import HitsRead, IndicatorHit
from remediation.models.protection import ProtectedAsset
from remediation.models.recovery import Recovery, RecoveryStep, RecoveryTemplateStep
from remediation.models.refusal import Refusal
from remediation.models.run import ActionRun
from remediation.models.run_artefact import RunArtefact
from remediation.models.run_log import RunLog
from remediation.models.sweep import Sweep, SweepFinding, SweepPart

__all__ = [
    "ActionRun",
    "ApprovalPage",
    "ApproverRule",
    "ControlState",
    "Custody",
    "DeepAnalysis",
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
    "IsolationRule",
    "ProtectedAsset",
    "QuarantinedItem",
    "Recovery",
    "RecoveryStep",
    "RecoveryTemplateStep",
    "Refusal",
    "Retainer",
    "RunArtefact",
    "RunLog",
    "Sweep",
    "SweepFinding",
    "SweepPart",
    "TrustedPrograms",
]

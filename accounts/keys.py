"""The permission keys of the portal's built-in functions, grouped as in the unified permission matrix."""

from core.permissions import register

READ = register("security_data.read", "Security data basics (read)", "Security operations")
MANAGE_ALERTS = register("alerts.manage", "Alerts (manage)", "Security operations")
REQUEST_RESPONSE = register("response.request", "Response (request actions)", "Security operations")
DECIDE_RESPONSE = register("response.manage", "Response (manage: approve, reject, act)", "Security operations")
DECIDE_PROTECTED = register(
    "response.protected", "Response (decide on actions on protected assets)", "Security operations"
)
APPROVE_ALONE = register("response.emergency", "Response (approve alone in an emergency)", "Security operations")
LIVE_BASIC = register("live_response.basic", "Live response: basic (look, fetch files)", "Security operations")
LIVE_ADVANCED = register(
    "live_response.advanced", "Live response: advanced (put files, run scripts, remediate)", "Security operations"
)
LIVE_RAW = register(
    "live_response.raw", "Live response: raw shell (ask for one, approve one of somebody else)", "Security operations"
)
LIVE_LIBRARY = register("live_response.library", "Live response library (manage)", "Settings")
REQUEST_ANALYSIS = register("file_analysis.request", "Deep analysis (submit files)", "Security operations")
UPLOAD_SAMPLES = register("file_analysis.upload", "Deep analysis (upload samples)", "Security operations")
ANALYSE = register("file_analysis.work", "Deep analysis (run the analysis host)", "Data sources")
STOP_ALL = register("response.stop", "Response (stop everything)", "Security operations")
MAIL_METADATA = register("mail_metadata.read", "Email metadata (read)", "Security operations")
MAIL_ADVANCED = register("mail_advanced.manage", "Email advanced actions (manage)", "Security operations")
WRITE_REVIEWS = register("review.write", "Reviews (write)", "Reviews")
SIGN_REVIEWS = register("review.sign", "Reviews (sign)", "Reviews")
MANAGE_FOLLOW_UPS = register("follow_up.manage", "Follow-ups and lessons (manage)", "Reviews")
READ_REPORTS = register("reports.read", "Reports and figures of the team (read)", "Reviews")
MAKE_REPORTS = register("reports.make", "Reports (make, write notes)", "Reviews")
MANAGE_PREPARATION = register("preparation.manage", "Contacts and exercises (manage)", "Reviews")
INGEST = register("ingest.write", "Ingest (write)", "Data sources")
TUNE_DETECTION = register("detection_tuning.manage", "Detection tuning (manage)", "Settings")
MANAGE_SETTINGS = register("core_settings.manage", "Core security settings (manage)", "Settings")
MANAGE_SYSTEM = register("system_settings.manage", "System settings (manage)", "Settings")
MANAGE_AUTHORIZATION = register("authorization.manage", "Authorization (manage)", "Settings")
MANAGE_HOLDS = register("legal_hold.manage", "Legal holds (place, lift)", "Settings")
ERASE_PEOPLE = register("erasure.manage", "Erasure of people (erase)", "Settings")
READ_AUDIT = register("audit.read", "Audit log (read)", "Settings")

# What a token holds only when it was made for deciding.
DECIDING = frozenset({DECIDE_RESPONSE, DECIDE_PROTECTED, APPROVE_ALONE})

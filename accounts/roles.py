"""What the built-in roles hold. Laid down by a migration's data step and kept true at every start."""

from accounts import keys
from accounts.enums import BuiltInRole

_READER = [keys.READ, keys.MAIL_METADATA]
_ANALYST = [
    *_READER, keys.MANAGE_ALERTS, keys.REQUEST_RESPONSE, keys.WRITE_REVIEWS, keys.MANAGE_FOLLOW_UPS, keys.LIVE_BASIC,
    keys.REQUEST_ANALYSIS, keys.UPLOAD_SAMPLES,
]  # fmt: skip
_RESPONDER = [*_ANALYST, keys.DECIDE_RESPONSE, keys.STOP_ALL, keys.MAIL_ADVANCED, keys.LIVE_ADVANCED]

BUILT_IN: dict[BuiltInRole, list[str]] = {
    BuiltInRole.READER: _READER,
    BuiltInRole.MANAGER: [
        *_READER,
        keys.SIGN_REVIEWS,
        keys.MANAGE_FOLLOW_UPS,
        keys.READ_REPORTS,
        keys.MAKE_REPORTS,
        keys.MANAGE_PREPARATION,
        keys.MANAGE_HOLDS,
        keys.READ_AUDIT,
    ],
    BuiltInRole.ANALYST: _ANALYST,
    BuiltInRole.RESPONDER: _RESPONDER,
    BuiltInRole.ADMINISTRATOR: [
        *_RESPONDER,
        keys.DECIDE_PROTECTED,
        keys.APPROVE_ALONE,
        keys.LIVE_LIBRARY,
        keys.LIVE_RAW,
        keys.SIGN_REVIEWS,
        keys.READ_REPORTS,
        keys.MAKE_REPORTS,
        keys.MANAGE_PREPARATION,
        keys.INGEST,
        keys.ANALYSE,
        keys.TUNE_DETECTION,
        keys.MANAGE_SETTINGS,
        keys.MANAGE_SYSTEM,
        keys.MANAGE_AUTHORIZATION,
        keys.MANAGE_HOLDS,
        keys.ERASE_PEOPLE,
        keys.READ_AUDIT,
    ],
    BuiltInRole.INGEST: [keys.INGEST],
    BuiltInRole.ANALYSIS_HOST: [keys.ANALYSE],
}

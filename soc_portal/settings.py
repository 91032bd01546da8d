"""Settings of the portal, all from the environment; every variable is named in `docs/settings.md`.

Secrets come from `NAME` or, better, from the file that `NAME_FILE` points to.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.utils.csp import CSP

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

DATA_DIR = Path(env.str("SOC_DATA_DIR", str(BASE_DIR / "data")))
DEBUG = env.bool("SOC_DEBUG", False)
SECRET_KEY = env.str("SOC_SECRET_KEY")
ENCRYPTION_KEYS: list[str] = env.list("SOC_ENCRYPTION_KEYS")
PUBLIC_URL = env.str("SOC_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
# Where endpoint agents reach the portal, what everybody may know of its keys, and the signer's private folder.
AGENTS_URL = env.str("SOC_AGENTS_URL", "https://agents.soc-portal.internal:8443").rstrip("/")
AGENTS_DIR = Path(env.str("SOC_AGENTS_DIR", str(DATA_DIR / "agents")))
SIGNER_DIR = Path(env.str("SOC_SIGNER_DIR", str(DATA_DIR / "signer")))
# Where large files are kept, encrypted; on several hosts a folder that all of them see. And the largest of an agent.
BLOBS_DIR = Path(env.str("SOC_BLOBS_DIR", str(DATA_DIR / "files")))
AGENT_FILE_BYTES = env.int("SOC_AGENT_FILE_MB", 3072) * 1024 * 1024
SERVED_BY_HTTPS = PUBLIC_URL.startswith("https://")
# Addresses and CIDR ranges of proxies in front, whose X-Forwarded-* headers are believed.
TRUSTED_PROXIES: list[str] = env.list("SOC_TRUSTED_PROXIES", default=[])
ALLOWED_HOSTS: list[str] = env.list("SOC_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "core",
    "accounts",
    "connectors",
    "notifications",
    "incidents",
    "remediation",
    "live_response",
    "reviews",
    "exercises",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts.listed_sessions.ListedSessionsConfig",
    "axes",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "core.proxies.TrustedProxyMiddleware",
    "core.middleware.RequestTraceMiddleware",
    "core.middleware.TransportSecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SignedInOnlyMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "soc_portal.urls"
WSGI_APPLICATION = "soc_portal.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.csp",
                "soc_portal.navigation.frame",
            ],
            "builtins": ["core.templatetags.soc"],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]

# ---- database and broker -------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"].update(
    ENGINE="django.db.backends.postgresql",
    CONN_MAX_AGE=600,
    CONN_HEALTH_CHECKS=True,
    ATOMIC_REQUESTS=False,
)
DATABASES["default"].setdefault("OPTIONS", {})
# Timestamps from a psycopg session in another zone would be read correctly but logged confusingly.
DATABASES["default"]["OPTIONS"].setdefault("application_name", "soc-portal")
# How long a migration lets others through before it gives up; see soc_portal/up/migrating.py.
MIGRATION_WAIT_S = env.int("SOC_MIGRATION_WAIT_S", 600)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# redis-py and Django speak `unix:///path`, Celery speaks `redis+socket:///path`.
REDIS_URL = env.str("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "core.forgiving_cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "soc",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 1},
    }
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_DEFAULT_QUEUE = "default"
# Longer than the longest task, so that a message in work is never handed out twice.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "soc_portal.celery.HeartbeatScheduler"
CELERY_TASK_ROUTES = {
    "incidents.tasks.*": {"queue": "ingest"},
    "connectors.tasks.sign_waiting": {"queue": "signing"},
    "connectors.tasks.*": {"queue": "actions"},
    "remediation.tasks.analyse_here": {"queue": "analysis"},
    "remediation.tasks.*": {"queue": "actions"},
    "live_response.tasks.*": {"queue": "actions"},
    "notifications.tasks.route_messages": {"queue": "default"},
    "notifications.tasks.*": {"queue": "mail"},
    "reviews.tasks.*": {"queue": "reports"},
}
CELERY_BEAT_SCHEDULE = {
    "worker-heartbeat": {"task": "core.tasks.worker_heartbeat", "schedule": 5.0, "options": {"expires": 10}},
    "deliver-outbox": {"task": "core.tasks.deliver_outbox", "schedule": 5.0, "options": {"expires": 10}},
    "seal-audit": {"task": "core.tasks.seal_audit", "schedule": 5.0, "options": {"expires": 10}},
    "verify-audit": {"task": "core.tasks.verify_audit_daily", "schedule": 86400.0},
    "ensure-audit-partitions": {"task": "core.tasks.ensure_audit_partitions", "schedule": 86400.0},
    "apply-retention": {"task": "core.tasks.apply_retention", "schedule": 3600.0, "options": {"expires": 600}},
    "forget-old-rows": {"task": "core.tasks.forget_expired", "schedule": 3600.0},
    "warn-of-ending-tokens": {"task": "accounts.tasks.warn_of_ending_tokens", "schedule": 3600.0},
    "correlate": {"task": "incidents.tasks.correlate_pending", "schedule": 5.0, "options": {"expires": 10}},
    "service-levels": {
        "task": "incidents.tasks.advance_service_levels",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    "watch-readiness": {"task": "reviews.tasks.watch_readiness", "schedule": 600.0, "options": {"expires": 600}},
    "draft-month": {"task": "reviews.tasks.draft_month", "schedule": 3600.0, "options": {"expires": 600}},
    "sweep-reviews": {"task": "reviews.tasks.sweep_reviews", "schedule": 60.0, "options": {"expires": 60}},
    "look-again": {
        "task": "incidents.tasks.look_again_at_untouched",
        "schedule": 600.0,
        "options": {"expires": 300},
    },
    "forget-hubs": {"task": "incidents.tasks.forget_hubs", "schedule": 3600.0, "options": {"expires": 600}},
    "advance-runs": {"task": "remediation.tasks.advance_runs", "schedule": 2.0, "options": {"expires": 4}},
    "watch-approvals": {"task": "remediation.tasks.watch_approvals", "schedule": 20.0, "options": {"expires": 20}},
    "end-watches": {"task": "remediation.tasks.end_watches", "schedule": 30.0, "options": {"expires": 30}},
    "advance-sweeps": {"task": "remediation.tasks.advance_sweeps", "schedule": 15.0, "options": {"expires": 15}},
    "expire-decisions": {"task": "remediation.tasks.expire_decisions", "schedule": 30.0, "options": {"expires": 30}},
    "watch-what-is-in-force": {
        "task": "remediation.tasks.watch_what_is_in_force",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "enforce-indicators": {
        "task": "remediation.tasks.enforce_indicators",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "settle-analyses": {"task": "remediation.tasks.settle_analyses", "schedule": 20.0, "options": {"expires": 20}},
    "poll-deliveries": {"task": "connectors.tasks.poll_deliveries", "schedule": 1.0, "options": {"expires": 2}},
    "check-connections": {
        "task": "connectors.tasks.check_connections",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "sign-waiting": {
        "task": "connectors.tasks.sign_waiting",
        "schedule": 5.0,
        "options": {"expires": 10, "queue": "signing"},
    },
    "look-after-agents": {"task": "connectors.tasks.look_after_agents", "schedule": 30.0, "options": {"expires": 30}},
    "route-messages": {"task": "notifications.tasks.route_messages", "schedule": 5.0, "options": {"expires": 10}},
    "send-due": {"task": "notifications.tasks.send_due", "schedule": 5.0, "options": {"expires": 10}},
    "order-digests": {"task": "notifications.tasks.order_digests", "schedule": 60.0, "options": {"expires": 60}},
    "forget-ended-sessions": {"task": "accounts.tasks.forget_ended_sessions", "schedule": 3600.0},
    "put-lock-outs-right": {"task": "accounts.tasks.put_times_right", "schedule": 60.0, "options": {"expires": 60}},
    "put-times-of-news-right": {
        "task": "notifications.tasks.put_times_right",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "find-silent-sources": {
        "task": "notifications.tasks.find_silent_sources",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "watch-dead-letters": {
        "task": "incidents.tasks.watch_dead_letters",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "forget-old-news": {"task": "notifications.tasks.forget_old_news", "schedule": 3600.0},
    "sweep-live-response": {
        "task": "live_response.tasks.sweep_sessions",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "advance-attacks": {"task": "exercises.tasks.advance_attacks", "schedule": 10.0, "options": {"expires": 10}},
}

# ---- sign-in -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.PortalAccountAdapter"
ACCOUNT_FORMS = {"login": "accounts.forms.sign_in.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": False}  # the lock-out is django-axes'
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Trying on while locked out neither prolongs the lock nor writes a second event.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True  # the audit log tells it
AXES_SENSITIVE_PARAMETERS = ["login"]
# Without these two, "Ada" and "ada" would have five attempts each, and everybody behind a proxy would share theirs.
AXES_USERNAME_CALLABLE = "accounts.adapter.name_of_attempt"
AXES_CLIENT_IP_CALLABLE = "core.client_address.client_address"
MFA_ADAPTER = "accounts.mfa_adapter.PortalMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_RECOVERY_CODE_COUNT = 10
MFA_RECOVERY_CODE_DIGITS = 10
# A provider of sign-ins that the environment names; further ones are set up on the pages.
OIDC_PROVIDER = {
    "name": env.str("SOC_OIDC_NAME", "single sign-on"),
    "issuer": env.str("SOC_OIDC_ISSUER", ""),
    "client_id": env.str("SOC_OIDC_CLIENT_ID", ""),
    "secret": env.str("SOC_OIDC_CLIENT_SECRET", ""),
    "group_roles": dict(pair.split("=", 1) for pair in env.list("SOC_OIDC_GROUP_ROLES", default=[])),
    "creates_people": env.bool("SOC_OIDC_CREATES_PEOPLE", False),
}
ACCOUNT_SESSION_REMEMBER = True
# The cookie outlives the longest session that an administrator can allow; the portal ends sessions itself.
ACCOUNT_SESSION_COOKIE_AGE = SESSION_COOKIE_AGE = 7 * 24 * 3600
# Cookies do not know ports: two portals on one machine would sign each other out under one name.
SESSION_COOKIE_NAME = "__Host-soc_session" if SERVED_BY_HTTPS else f"soc_session_{urlsplit(PUBLIC_URL).port or 80}"
CSRF_COOKIE_NAME = "__Host-soc_csrf" if SERVED_BY_HTTPS else f"soc_csrf_{urlsplit(PUBLIC_URL).port or 80}"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_BY_HTTPS
SESSION_ENGINE = "accounts.session_store"
SECURE_HSTS_SECONDS = 31536000 if SERVED_BY_HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}

# ---- API -----------------------------------------------------------------------------------------------------------
TLS_CERTIFICATE = env.str("SOC_TLS_CERTIFICATE", "")
METRICS_TOKEN = env.str("SOC_METRICS_TOKEN", "")
METRICS_ADDRESSES: list[str] = env.list("SOC_METRICS_ADDRESSES", default=[])
API_RATE = env.str("SOC_API_RATE", "6000/min")
INGEST_RATE = env.str("SOC_INGEST_RATE", "60000/min")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.TokenAuthentication",
        "accounts.api.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.HasDeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.api.parsing.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ApiSchema",
    # `format` is the name of an ingest format and of a field, never of a renderer.
    "FORMAT_SUFFIX_KWARG": None,
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "core.api.errors.handle_exception",
    "DEFAULT_THROTTLE_CLASSES": ["core.api.throttling.PrincipalRateThrottle"],
    "COERCE_DECIMAL_TO_STRING": False,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SOC portal API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    # A part opens when somebody opens it: drawing hundreds of operations and shapes at once takes a browser minutes.
    "SWAGGER_UI_SETTINGS": {"docExpansion": "none", "defaultModelsExpandDepth": -1, "deepLinking": True},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["accounts.api.permissions.HasDeclaredPermission"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "GET_LIB_DOC_EXCLUDES": "core.api.schema.bases",
    "PREPROCESSING_HOOKS": ["core.api.schema.without_slash_twins"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["core.api.schema.without_marks"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 21 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["core.uploads.NoFiles"]
INGEST_MAX_BYTES = 20 * 1024 * 1024
INGEST_MAX_ALERTS = 1000

# ---- mail and calls to other systems -------------------------------------------------------------------------------
ORGANISATION = env.str("SOC_ORGANISATION", "")
CA_FILE = env.str("SOC_CA_FILE", "")
SMTP_HOST = env.str("SOC_SMTP_HOST", "")
SMTP_PORT = env.int("SOC_SMTP_PORT", 587)
SMTP_SECURITY = env.str("SOC_SMTP_SECURITY", "starttls")
SMTP_USER = env.str("SOC_SMTP_USER", "")
SMTP_PASSWORD = env.str("SOC_SMTP_PASSWORD", "")
MAIL_FROM = env.str("SOC_MAIL_FROM", "")

# ---- the rest ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
PIPELINE = "soc_portal.pipeline.LISTENERS"
USE_I18N = False
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("SOC_STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
# One machine: the embedded web process serves them. Behind a front proxy the proxy does.
SERVE_STATIC = env.bool("SOC_SERVE_STATIC", True)
TEST_RUNNER = "django.test.runner.DiscoverRunner"

_LOG_FORMAT = "json" if env.str("SOC_LOG_FORMAT", "line") == "json" else "line"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "core.logs.LineFormatter"}, "json": {"()": "core.logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": _LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env.str("SOC_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING", "propagate": True, "handlers": []},
        # At INFO it writes whole addresses, and the address of a chat is a secret.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}

"""All settings of Luopan. What an operator may change is an environment variable, read by `hub.env`."""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from hub import env, postgres, vault
from hub.db.patience import PatientConnection

BASE_DIR = Path(__file__).resolve().parent.parent.parent
LUOPAN_HOME = env.folder("LUOPAN_HOME", BASE_DIR / ".local")
PRODUCTION = env.flag("LUOPAN_PRODUCTION", default=False)
DEMO = env.flag("LUOPAN_DEMO", default=not PRODUCTION)
DEMO_APPLICANTS = env.integer("LUOPAN_DEMO_APPLICANTS", 1_200, low=0, high=100_000)
DEBUG = False
PORT = env.integer("LUOPAN_PORT", 8000, low=1, high=65535)
BIND = env.text("LUOPAN_BIND", "127.0.0.1")
FREE_MB = env.integer("LUOPAN_FREE_MB", 300, low=1, high=1_000_000_000)
PUBLIC_URL = env.text("LUOPAN_URL", f"http://localhost:{PORT}").rstrip("/")

# --- secrets: from the environment in production, made once below LUOPAN_HOME elsewhere -----------------------------
SECRETS = vault.load(LUOPAN_HOME, may_make=not PRODUCTION)
SECRET_KEY = SECRETS.secret_key
SECRET_KEY_FALLBACKS = list(SECRETS.secret_keys_also)
if PRODUCTION and not PUBLIC_URL.startswith("https://"):
    raise ImproperlyConfigured("LUOPAN_URL is no https address: in production set it to the public one.")

ALLOWED_HOSTS = env.words("LUOPAN_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1],testserver")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
ROOT_URLCONF = "hub.urls"
WSGI_APPLICATION = "hub.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
APPEND_SLASH = False

INSTALLED_APPS = [
    "hub.apps.HubConfig",
    "hub.accounts.apps.AccountsConfig",
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",  # for allauth's list of passkeys
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "rest_framework",
    "oauth2_provider",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "partners.institutions.apps.InstitutionsConfig",
    "partners.products.apps.ProductsConfig",
    "partners.referrals.apps.ReferralsConfig",
    "partners.loans.apps.LoansConfig",
    "partners.delivery.apps.DeliveryConfig",
    "risk.scoring.apps.ScoringConfig",
    "risk.learning.apps.LearningConfig",
    "risk.monitoring.apps.MonitoringConfig",
    "acquisition.journey.apps.JourneyConfig",
    "acquisition.market.apps.MarketConfig",
]

MIDDLEWARE = [
    "hub.observe.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "hub.lane.ApiLaneMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "hub.pages.PlatformPagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "hub.accounts.middleware.SecondFactorMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]

# --- database: DATABASE_URL, else the embedded server ----------------------------------------------------------------
_url = env.database("DATABASE_URL")
EMBEDDED_POSTGRES = not _url
_embedded = {"HOST": str(postgres.socket_folder(LUOPAN_HOME)), "PORT": "", "NAME": "luopan", "PASSWORD": ""}
_app: dict[str, Any] = _url or {**_embedded, "USER": "luopan_app"}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_app,
        "ENGINE": "hub.db",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,  # the first statement of a scope is the check: see hub.db
        "OPTIONS": {
            # A server that is out of reach says nothing; on a unix socket only the first of these counts.
            "connect_timeout": 4,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            **_app.get("OPTIONS", {}),
            "server_side_binding": True,
            # The driver would deallocate at each rollback to a savepoint what hub.db.wire prepares.
            "prepare_threshold": None,
            "pool": {
                "min_size": 1,
                "max_size": env.integer("LUOPAN_POOL", 10, low=1, high=100),
                "timeout": 5,
                "connection_class": PatientConnection,
            },
        },
        "TEST": {"NAME": "test_luopan"},
    }
}
DATABASE_PATIENCE_S = env.integer("LUOPAN_PATIENCE_S", 5, low=1, high=3600)  # of web processes: see hub.db.patience
# Statements are prepared where the connection is the server's own: a pooler in between may not keep them.
PREPARE_STATEMENTS = EMBEDDED_POSTGRES or env.flag("LUOPAN_PREPARE", default=False)
DATABASE_OWNER = env.database("DATABASE_OWNER_URL") or (
    {**_embedded, "USER": "luopan_owner"} if EMBEDDED_POSTGRES else {}
)

# --- Celery: the same PostgreSQL, or RabbitMQ or Redis by one URL ----------------------------------------------------
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL")
BROKER_DSN = env.text("BROKER_DSN")  # only where the application's database is behind a pooler
EVENT_SUBSCRIBERS: dict[str, list[str]] = {
    "consent.withdrawn": ["partners.referrals.subscribers.end_referral_without_consent"],
    "person.erased": [
        "risk.scoring.subscribers.end_reviews_of_erased_person",
        "risk.learning.subscribers.forget_erased_person",
        "acquisition.journey.subscribers.forget_erased_person",
    ],
    "book.registered": ["risk.learning.subscribers.read_registered_book"],
    "score_batch.received": ["risk.scoring.subscribers.score_received_batch"],
    "model.registered": ["partners.referrals.subscribers.replay_policies"],
    "model.replay_requested": ["partners.referrals.subscribers.replay_policies"],
    "policies.replayed": ["risk.scoring.subscribers.note_policy_shift"],
    "training.requested": ["risk.learning.subscribers.start_requested_training"],
    "performance.recorded": ["partners.loans.subscribers.mature_after"],
    "performance.corrected": ["partners.loans.subscribers.mature_after"],
    "performance.batch_recorded": ["partners.loans.subscribers.mature_after"],
    "sandbox.clock_advanced": ["partners.loans.subscribers.mature_after"],
    "outcome.matured": ["risk.learning.subscribers.record_matured_outcome"],
    "case.opened": ["risk.monitoring.subscribers.note_case"],
    "decision.recorded": ["risk.monitoring.subscribers.note_answer"],
    "alert.opened": ["risk.learning.subscribers.retrain_as_figures_drift"],
    "institution.onboarded": ["risk.monitoring.subscribers.note_sandbox"],
}

# --- sign-in ---------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "partners.institutions.secrets.ClientSecretHasher",  # of clients, never of people
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/console/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "hub.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = False  # axes counts failures, of passwords and of codes; one counter is enough
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("LUOPAN_PROXIES", 0, low=0, high=3)
MFA_ADAPTER = "hub.accounts.adapter.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "hub.accounts.forms.CodeForm",
    "reauthenticate": "hub.accounts.forms.ConfirmForm",
    "add_webauthn": "hub.accounts.forms.AddPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Luopan"
MFA_TOTP_TOLERANCE = 1  # a code typed in at the end of its half minute arrives in the next one (RFC 6238 section 5.2)
AXES_USERNAME_CALLABLE = "hub.accounts.lockout.counted_name"
AXES_LOCKOUT_PARAMETERS = "hub.accounts.lockout.parameters"
AXES_LOCKOUT_CALLABLE = "hub.accounts.lockout.locked"
AXES_CLIENT_IP_CALLABLE = "hub.callers.client_address"
AXES_HANDLER = "hub.accounts.lockout.Handler"
AXES_FAILURE_LIMIT = 5  # wrong passwords for one account from one address; wrong codes for one account
SIGN_IN_ACCOUNT_LIMIT = 100  # wrong passwords for one account from anywhere
SIGN_IN_ADDRESS_LIMIT = 50  # wrong passwords and codes from one address, for any account
AXES_COOLOFF_TIME = 1  # hours
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # sign-ins are audit rows
AXES_SENSITIVE_PARAMETERS = ["login", "password", "username", "ip_address", "code", "credential", "csrfmiddlewaretoken"]
AXES_VERBOSE = False

# --- sessions, headers -----------------------------------------------------------------------------------------------
SESSION_ENGINE = "hub.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE, LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = SESSION_COOKIE_SECURE, True, "Lax"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31536000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
PAGES_WITH_FILES = ["/console/learning/loanbook/"]  # forms above the size of others: loan books
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- languages, time, files ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hant", "繁體中文"), ("zh-hans", "简体中文")]
FORMAT_MODULE_PATH = ["hub.formats"]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
UPLOAD_ROOT = LUOPAN_HOME / "uploads"
BOOK_BYTES_MAX = env.integer("LUOPAN_BOOK_MB", 200, low=1, high=10_000) * 1_000_000  # as sent
BOOK_PLAIN_BYTES_MAX = env.integer("LUOPAN_BOOK_PLAIN_MB", 2_000, low=1, high=100_000) * 1_000_000  # unpacked
SCORE_BATCH_BYTES_MAX = env.integer("LUOPAN_SCORE_BATCH_MB", 200, low=1, high=10_000) * 1_000_000
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": UPLOAD_ROOT}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- the borrower's pages ---------------------------------------------------------------------------------------------
CONTACT = env.text("LUOPAN_CONTACT", "help@luopan.example")  # where borrowers disagree, ask, and have mistakes mended
CODE_GATEWAY = env.text("LUOPAN_CODE_GATEWAY")  # the class that sends one-time codes by text message
SOURCES = env.words("LUOPAN_SOURCES")  # data sources of live applications: classes, or functions that make some
# How many codes may go, each limit with its period; hours and days are those of UTC, but rolling for one number.
CODES_NUMBER_HOUR = env.integer("LUOPAN_CODES_NUMBER_HOUR", 5, low=1, high=100)
CODES_NUMBER_DAY = env.integer("LUOPAN_CODES_NUMBER_DAY", 10, low=1, high=1_000)
CODES_WRONG_DAY = env.integer("LUOPAN_CODES_WRONG_DAY", 15, low=5, high=100)  # guesses, for one number
CODES_BLOCK_DAY = env.integer("LUOPAN_CODES_BLOCK_DAY", 100, low=1, high=1_000_000)  # numbers but for 4 last digits
CODES_HOME = env.text("LUOPAN_CODES_HOME", "852")  # how the numbers of the country begin that is lent in
CODES_ABROAD_DAY = env.integer("LUOPAN_CODES_ABROAD_DAY", 200, low=0, high=1_000_000)  # of other numbers by 3 digits
CODES_ADDRESS_HOUR = env.integer("LUOPAN_CODES_ADDRESS_HOUR", 30, low=1, high=1_000_000)
CODES_ADDRESS_DAY = env.integer("LUOPAN_CODES_ADDRESS_DAY", 100, low=1, high=1_000_000)
CODES_DAY = env.integer("LUOPAN_CODES_DAY", 20_000, low=1, high=100_000_000)  # everywhere

# --- REST API --------------------------------------------------------------------------------------------------------
# For all web processes together: each one gives its share (hub.limits).
WEB_PROCESSES = env.integer("LUOPAN_WEB_PROCESSES", 1, low=1, high=1_000)
CLIENT_PER_MINUTE = env.integer("LUOPAN_CLIENT_PER_MINUTE", 120_000, low=1, high=10_000_000)
SCORES_PER_DAY = env.integer("LUOPAN_SCORES_PER_DAY", 2_000_000, low=1, high=1_000_000_000)  # of one line, one lender
CLIENT_PER_DAY = env.integer("LUOPAN_CLIENT_PER_DAY", 20_000_000, low=1, high=1_000_000_000)
TOKENS_PER_MINUTE = env.integer("LUOPAN_TOKENS_PER_MINUTE", 120, low=1, high=100_000)  # of one client
TOKEN_REQUESTS_PER_MINUTE = env.integer("LUOPAN_TOKEN_REQUESTS_PER_MINUTE", 3_000, low=1, high=1_000_000)  # an address
OAUTH2_PROVIDER_APPLICATION_MODEL = "institutions.Client"
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # client credentials, and no other grant
    "OAUTH2_VALIDATOR_CLASS": "partners.institutions.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "partners.institutions.scopes.ClientScopes",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 15 * 60,
    "CLIENT_SECRET_GENERATOR_LENGTH": 48,
    "CLIENT_SECRET_HASHER": "pbkdf2_client_secret",
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
}
REST_FRAMEWORK = {
    # The API's own resources are hub.api.Resource, past these; whatever else is made of a framework's view is shut.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "hub.openapi.Schema",
    "EXCEPTION_HANDLER": "hub.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Luopan API",
    "DESCRIPTION": "Credit risk for partner institutions: scores with reasons, loan books, events.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["hub.openapi.finish"],
}

# --- console ---------------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Luopan",
    "SITE_HEADER": "Luopan",
    "SITE_SUBHEADER": "Console",
    "SITE_SYMBOL": "explore",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/hub/compass.svg"}],
    "STYLES": ["/static/hub/console.css"],
    "SHOW_HISTORY": False,
    "SIDEBAR": {"show_search": False, "navigation": "hub.console.navigation"},
    "ACCOUNT": {"navigation": "hub.console.account_links"},
}

# --- webhooks --------------------------------------------------------------------------------------------------------
WEBHOOK_LOOPBACK = env.flag("LUOPAN_WEBHOOK_LOOPBACK", default=not PRODUCTION)  # of sandboxes, by http

# --- rotation of keys: lists of hub.key_columns.Column ---------------------------------------------------------------
SEALED_COLUMNS = [
    "hub.crypto.SEALED",
    "hub.idempotency.SEALED",
    "hub.accounts.adapter.SEALED",
    "partners.delivery.models.SEALED",
    "partners.loans.batch_models.SEALED",
]
INDEXED_COLUMNS = [
    "hub.crypto.INDEXED",
    "hub.consent.INDEXED",
    "hub.idempotency.INDEXED",
    "risk.learning.book_models.INDEXED",
    "acquisition.journey.models.INDEXED",
]

# --- the audit's chain: its signed heads leave the database -----------------------------------------------------------
SEALS = env.folder("LUOPAN_SEALS", LUOPAN_HOME / "seals")

# --- observation: what apps add to /readyz and /metrics, by name ------------------------------------------------------
LOGGING_CONFIG = None  # structlog is set up by hub.observe
METRICS_TOKEN = env.text("LUOPAN_METRICS_TOKEN")
READINESS_CHECKS = ["risk.scoring.facade.champion_ready"]  # functions that answer (all is well, a sentence)
INVARIANTS = [  # lists of hub.invariants.Check
    "hub.invariants.HUB",
    "partners.products.invariants.CHECKS",
    "partners.referrals.invariants.CHECKS",
    "partners.loans.invariants.CHECKS",
    "partners.delivery.invariants.CHECKS",
    "risk.scoring.invariants.CHECKS",
    "risk.learning.invariants.CHECKS",
]
# How long before it takes over a successor of a champion is announced to the institutions that use its line.
MODEL_NOTICE_DAYS = env.integer("LUOPAN_MODEL_NOTICE_DAYS", 7, low=0, high=90)
# How much a challenger scores beside the champion before it may be approved: so many decisions, or for so many days.
SHADOW_DECISIONS = env.integer("LUOPAN_SHADOW_DECISIONS", 1_000, low=0, high=1_000_000)
SHADOW_DAYS = env.integer("LUOPAN_SHADOW_DAYS", 14, low=1, high=90)
# Functions that answer hub.metrics.Gauge rows.
METRIC_SOURCES = [
    "risk.scoring.facade.gauges",
    "risk.learning.facade.training_gauges",
    "risk.monitoring.facade.gauges",
    "risk.scoring.facade.source_gauges",
    "partners.delivery.facade.gauges",
]

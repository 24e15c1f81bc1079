"""Django's settings, all of them, from one typed Environment."""

import os

import django_stubs_ext
from psycopg.conninfo import conninfo_to_dict

from config.environment import ROOT, Environment

django_stubs_ext.monkeypatch()
environment = Environment()

BASE_DIR = ROOT
OPIE_ENV = environment.OPIE_ENV
OPIE_DATA_DIR = environment.OPIE_DATA_DIR
DEBUG = environment.DEBUG
SECRET_KEY = environment.SECRET_KEY
SECRET_KEY_FALLBACKS = environment.SECRET_KEY_FALLBACKS
OPIE_JWT_KEYS = environment.OPIE_JWT_KEYS
OPIE_ENCRYPTION_KEYS = environment.OPIE_ENCRYPTION_KEYS
ALLOWED_HOSTS = environment.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = environment.CSRF_TRUSTED_ORIGINS
WEB_PORT = environment.WEB_PORT

INSTALLED_APPS = [
    "apps.musicstore",
    "apps.opie",
    "apps.accounts",
    "apps.api",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "apps.api.middleware.RequestIdMiddleware",
    "apps.api.middleware.ErrorMiddleware",
    "apps.api.middleware.StorableMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.PrincipalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {
                "approvals": "apps.opie.web.templatetags.approvals",
                "figures": "apps.opie.web.templatetags.figures",
                "frontend": "apps.opie.web.templatetags.frontend",
                "prose": "apps.opie.web.templatetags.prose",
            },
        },
    }
]

# --- where rows live ---------------------------------------------------------------------------
# Tools that never touch rows (mypy, lint) import these settings without a database.
_database = conninfo_to_dict(environment.DATABASE_URL or "postgresql://opie@127.0.0.1:1/opie")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.pop("dbname", "opie"),
        "USER": _database.pop("user", ""),
        "PASSWORD": _database.pop("password", ""),
        "HOST": _database.pop("host", ""),
        "PORT": _database.pop("port", ""),
        "OPTIONS": {
            **_database,
            # Statements whose text stays the same (apps/api/statements.py) are prepared when they come for the sixth time.
            "prepare_threshold": 5,
            "pool": {"min_size": 1, "max_size": environment.DATABASE_POOL_SIZE, "timeout": 10},
        },
    }
}
DATABASE_POOL_SIZE = environment.DATABASE_POOL_SIZE
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AGENTOS_CACHE_TTL = (
    environment.AGENTOS_CACHE_TTL
    if environment.AGENTOS_CACHE_TTL is not None
    else (3600 if environment.production else 1800)
)
REDIS_URL = environment.REDIS_URL
CACHES = {
    "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": REDIS_URL, "TIMEOUT": AGENTOS_CACHE_TTL}
    if REDIS_URL
    # DatabaseCache culls a third of the table at MAX_ENTRIES: the default of 300 would empty it all day.
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "opie_cache",
        "TIMEOUT": AGENTOS_CACHE_TTL,
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# --- who -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/agentos/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# Without a mail server nobody could confirm an address.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if environment.mail_server else "optional"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_ADAPTER = "apps.accounts.registration.AccountAdapter"

# --- the browser ---------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
STATICFILES_DIRS = [ROOT / "static"] if (ROOT / "static").is_dir() else []
MEDIA_ROOT = OPIE_DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": environment.OPIE_FILE_STORAGE, "OPTIONS": environment.OPIE_FILE_STORAGE_OPTIONS},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربية")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = environment.production
CSRF_COOKIE_SECURE = environment.production
CSRF_FAILURE_VIEW = "apps.api.views.csrf_failure"
SECURE_SSL_REDIRECT = environment.production
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if environment.production else None
SECURE_HSTS_SECONDS = 31_536_000 if environment.production else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = environment.production
SECURE_HSTS_PRELOAD = environment.production
SECURE_REDIRECT_EXEMPT = [r"^health/"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- REST ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.authentication.PrincipalAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.accounts.permissions.IsSignedIn"],
    "DEFAULT_PAGINATION_CLASS": "apps.api.pagination.PagePagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.api.parsers.StrictJSONParser"],
    "EXCEPTION_HANDLER": "apps.api.errors.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Opie",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "AgentKindEnum": ["task", "conversational"],
        "AgentTierEnum": "apps.opie.models.tiers.AGENT_TIERS",
        "ModelTierEnum": "apps.opie.models.tiers.Tier.choices",
        "SourceKindEnum": "apps.opie.models.knowledge.SourceKind.choices",
        "RunStatusEnum": "apps.opie.models.runs.RunStatus.choices",
        "AgentStatusEnum": "apps.opie.models.agents.AgentStatus.choices",
        "MessageStatusEnum": "apps.opie.models.messages.MessageStatus.choices",
        "TeamRoleEnum": "apps.accounts.models.teams.PEOPLES_ROLES",
        "MessageRoleEnum": "apps.opie.models.messages.MessageRole.choices",
    },
    "PREPROCESSING_HOOKS": ["apps.accounts.schema.of_the_api"],
    "SERVE_PERMISSIONS": ["apps.accounts.permissions.IsSignedIn"],
}

# --- mail and logs -------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL = environment.DEFAULT_FROM_EMAIL
_mail = environment.mail_server
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _mail else 'console'}.EmailBackend"
if _mail:
    EMAIL_TIMEOUT = 10
    EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.scheme == "smtp+tls", _mail.scheme == "smtps"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "apps.api.middleware.RequestIdFilter"},
        "secrets": {"()": "apps.api.middleware.SecretFilter"},
    },
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id", "secrets"]}
    },
    # It says at every start which tasks there are.
    "loggers": {"procrastinate": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": environment.LOG_LEVEL},
}

# --- agents --------------------------------------------------------------------------------------
AGENTOS_ENABLED = environment.AGENTOS_ENABLED
AGENTOS_DEFAULT_HOST = environment.AGENTOS_DEFAULT_HOST
AGENTOS_DEFAULT_PORT = environment.AGENTOS_PORT or environment.AGENTOS_DEFAULT_PORT
AGENTOS_INCLUDE_VAULT_AGENTS = environment.AGENTOS_INCLUDE_VAULT_AGENTS
AGENTOS_AUTO_RELOAD = environment.AGENTOS_AUTO_RELOAD if environment.AGENTOS_AUTO_RELOAD is not None else DEBUG
AGENTOS_DEBUG = environment.AGENTOS_DEBUG
AGENTOS_CONFIG = environment.AGENTOS_CONFIG
OPIE_DEMO_EMAIL = environment.OPIE_DEMO_EMAIL
OPIE_DEMO_PASSWORD = environment.OPIE_DEMO_PASSWORD
OPIE_OFFLINE_PAUSE_MS = environment.OPIE_OFFLINE_PAUSE_MS
OPIE_BACKGROUND_RUNS = environment.OPIE_BACKGROUND_RUNS
OPIE_KNOWLEDGE_LARGEST_FILE = environment.OPIE_KNOWLEDGE_LARGEST_FILE
OPIE_CONVERSATIONS_LARGEST_FILE = environment.OPIE_CONVERSATIONS_LARGEST_FILE
OPIE_SCHEDULES_PER_PERSON = environment.OPIE_SCHEDULES_PER_PERSON
OPIE_VISITOR_DAYS = environment.OPIE_VISITOR_DAYS
OPIE_ENDED_JOB_DAYS = environment.OPIE_ENDED_JOB_DAYS
OPIE_WEBHOOK_TOLERANCE_SECONDS = environment.OPIE_WEBHOOK_TOLERANCE_SECONDS
OPIE_WEBHOOK_EVENTS_DAYS = environment.OPIE_WEBHOOK_EVENTS_DAYS
OPIE_CHAT_AGENT = environment.OPIE_CHAT_AGENT
OPIE_REQUESTS_PER_HOUR_USER = environment.OPIE_REQUESTS_PER_HOUR_USER
OPIE_REQUESTS_PER_HOUR_VISITOR = environment.OPIE_REQUESTS_PER_HOUR_VISITOR
OPIE_EMBEDDING_FOLDER = environment.OPIE_EMBEDDING_FOLDER
# Read when NumPy is imported. Its threads wait for each other busily: beside other processes they cost more than they win.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
OPIE_FETCH_ALLOWED_NETWORKS = [str(network) for network in environment.OPIE_FETCH_ALLOWED_NETWORKS]
OPIE_KNOWLEDGE_GRAPH_FROM = environment.OPIE_KNOWLEDGE_GRAPH_FROM
SPOTIFY_CLIENT_ID = environment.SPOTIFY_CLIENT_ID
SPOTIFY_CLIENT_SECRET = environment.SPOTIFY_CLIENT_SECRET
LASTFM_API_KEY = environment.LASTFM_API_KEY
MUSICSTORE_EMAIL_CODE = environment.MUSICSTORE_EMAIL_CODE
MUSICSTORE_CURRENCY = environment.MUSICSTORE_CURRENCY

"""Settings of the one Gathering program. What differs between machines comes from `environment`."""

from datetime import timedelta
from logging import LogRecord

import dj_database_url

from gathering_site import environment

BASE_DIR = environment.BASE
DATA_DIR = environment.data_folder()

SECRET_KEY = environment.secret_key()
SALT_KEY = "gathering.provider-keys"
DEBUG = False
ALLOWED_HOSTS = environment.host_names()

# A proxy that ends TLS calls us by plain HTTP, while the browser's pages are of an https origin.
CSRF_TRUSTED_ORIGINS = environment.secure_origins()
BEHIND_PROXY = environment.behind_proxy()
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_PROXY

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "encrypted_fields",
    "channels",
    "gathering_site.common",
    "gathering_site.events",
    "agents",
    "conversations",
    "gathering_site",
]

MIDDLEWARE = [
    "gathering_site.common.middleware.prepare",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "gathering_site.urls"
ASGI_APPLICATION = "gathering_site.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "gathering_site/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASE = (
    dj_database_url.parse(url)
    if (url := environment.database_url())
    else {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(environment.run_folder()),
        "NAME": "gathering",
        "USER": "gathering",
    }
)
POOL = {"min_size": 1, "max_size": environment.whole_number("GATHERING_DATABASE_CONNECTIONS", 16), "timeout": 30}
DATABASES = {"default": {**DATABASE, "CONN_MAX_AGE": 0, "OPTIONS": {**DATABASE.get("OPTIONS", {}), "pool": POOL}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "common.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

REDIS_URL = environment.redis_url()
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
}

# The largest body of a request, and the threads in which requests are answered; each holds at most one connection.
MAXIMUM_BODY = 2**20
REQUEST_THREADS = 8
READ_CONNECTIONS = 4

# How long `POST /agents/{id}/chat` waits for the answer before it says 202.
CHAT_PATIENCE_SECONDS = 60

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "gathering_site.common.authentication.BearerAuthentication",
        "gathering_site.common.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["gathering_site.common.json_format.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["gathering_site.common.json_format.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "gathering_site.common.json_format.OnlyJSON",
    "DEFAULT_PAGINATION_CLASS": "gathering_site.common.pagination.Pagination",
    "DEFAULT_FILTER_BACKENDS": ["gathering_site.common.filters.FilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "gathering_site.common.schema.AutoSchema",
    "EXCEPTION_HANDLER": "gathering_site.common.error_answers.answer_error",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Gathering",
    "DESCRIPTION": "A server where people and AI agents work together.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "gathering_site.common.schema.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AgentStatus": "agents.choices.AgentStatus",
        "ConversationStatus": "conversations.choices.ConversationStatus",
        "MessageState": "conversations.choices.MessageState",
        "ProviderKind": "agents.choices.ProviderKind",
        "RunState": "agents.choices.RunState",
        "StepKind": "agents.choices.StepKind",
        "StepState": "agents.choices.StepState",
        "Visibility": "agents.choices.Visibility",
    },
}

CELERY_BROKER_URL = environment.broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A task that its worker took away with it comes back after these seconds. Runs do not wait for it: beat sends a new
# task when their lease ends.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
# A task is gone from the queue only when it is done, and waits in the queue, not in one worker, until it can start.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = environment.whole_number("GATHERING_RUNS_AT_ONCE", 128)
# In memory: nothing here is so rare that beat would have to remember when it last ran.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
# Beat answers `ping` as workers do.
CELERY_BEAT_ENABLE_REMOTE_CONTROL = True
CELERY_BEAT_SCHEDULE = {
    "runs that lost their worker": {
        "task": "agents.enqueue_forgotten_runs",
        "schedule": 2.0,
        "options": {"expires": 2.0},
    },
    "answers kept for repeated requests": {"task": "common.forget_old_keys", "schedule": 3600.0},
}

# A worker that is killed loses its runs to another one after this time.
# Leases are renewed each second: a shorter one would run out in the hands of a living worker.
RUN_LEASE_SECONDS = environment.whole_number("GATHERING_LEASE_SECONDS", 30, lowest=3)
# How long a queued run may wait before its task is thought lost and sent again.
RUN_ENQUEUE_PATIENCE = timedelta(seconds=15)

KNOX_TOKEN_MODEL = "common.Token"
# Its own token table would never be used, but hold on to the users that it names.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None, "TOKEN_MODEL": "common.Token"}


def one_line(record: LogRecord) -> bool:
    record.exc_info = None
    record.msg = record.msg.replace("ALLOWED_HOSTS", "GATHERING_HOSTS")
    return True


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "filters": {"one_line": {"()": "django.utils.log.CallbackFilter", "callback": one_line}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        # Django's own handlers show nothing without DEBUG.
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # A 404 is the client's affair.
        "django.request": {"level": "ERROR"},
        # Scanners ask by all kinds of names. An operator who forgot one finds it in the line.
        "django.security.DisallowedHost": {"filters": ["one_line"]},
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"

"""Settings of the one Gathering program. What differs between machines comes from `environment`."""

from datetime import timedelta

import dj_database_url

from gathering_site import environment

BASE_DIR = environment.BASE
DATA_DIR = environment.data_folder()

SECRET_KEY = environment.secret_key()
SALT_KEY = "gathering.provider-keys"
DEBUG = False
ALLOWED_HOSTS = environment.words("GATHERING_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "daphne",
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

CELERY_BROKER_URL = environment.broker_url()

# A worker that is killed loses its runs to another one after this time.
RUN_LEASE_SECONDS = environment.whole_number("GATHERING_LEASE_SECONDS", 30)
# How long a queued run may wait before its task is thought lost and sent again.
RUN_ENQUEUE_PATIENCE = timedelta(seconds=15)

KNOX_TOKEN_MODEL = "common.Token"
# Its own token table would never be used, but hold on to the users that it names.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None, "TOKEN_MODEL": "common.Token"}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"

"""The Celery application of workers, any number of them: `celery -A gathering_site worker`. The settings are Django's,
under `CELERY_`."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready

from gathering_site.environment import tell_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gathering_site.settings")

app = Celery("gathering")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Being current holds for the importing thread only; requests send tasks from other threads.
app.set_default()


@setup_logging.connect
def keep_logging(**_: object) -> None:
    """Being connected is all: Celery then leaves Django's logging as it is."""


@worker_ready.connect
def tell_that_tasks_are_taken(**_: object) -> None:
    tell_ready()

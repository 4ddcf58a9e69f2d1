"""Celery's beat, which only sends tasks by their names: without Django's applications it needs half the memory.
`celery -A gathering_site.beat beat`"""

import os

from celery import Celery
from celery.signals import beat_init

from gathering_site.environment import tell_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gathering_site.settings")

app = Celery("gathering", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")


@beat_init.connect
def tell_that_beat_runs(**_: object) -> None:
    tell_ready()

from celery import shared_task

from gathering_site.common.idempotency import forget_old_keys


@shared_task(name="common.forget_old_keys", expires=3600)
def forget_keys() -> None:
    forget_old_keys()

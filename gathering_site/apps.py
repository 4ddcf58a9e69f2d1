from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The composition root: it has commands and pages of its own, no models."""

    name = "gathering_site"
    label = "site"

    def ready(self) -> None:
        # Tasks are sent by the application that knows the broker.
        from gathering_site import celery  # noqa: F401

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The composition root: it has commands and pages of its own, no models."""

    name = "gathering_site"
    label = "site"

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "gathering_site.common"
    label = "common"
    verbose_name = "People"

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "gathering_site.events"
    label = "events"

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "gathering_site.events"
    label = "events"

    def ready(self) -> None:
        from gathering_site.events.topics import discover

        discover()

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        # Every app may give tools and context to agents; the apps above need not be named here.
        autodiscover_modules("agent_tools", "agent_context")

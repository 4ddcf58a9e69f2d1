from agents.admin.agents import AgentAdmin
from agents.admin.providers import ProviderAdmin
from agents.admin.runs import RunAdmin

__all__ = ["AgentAdmin", "ProviderAdmin", "RunAdmin"]

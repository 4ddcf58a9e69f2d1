from agents.models.agent import Agent, AgentRevision
from agents.models.provider import Provider
from agents.models.run import Run, RunStep

__all__ = ["Agent", "AgentRevision", "Provider", "Run", "RunStep"]

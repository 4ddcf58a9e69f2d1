from agents.serializers.agents import AgentDetailsSerializer, AgentSerializer, RevisionSerializer
from agents.serializers.providers import ProviderSerializer, ProviderTestSerializer, TestOutcomeSerializer
from agents.serializers.runs import RUN, RunSerializer, StepSerializer

__all__ = [
    "RUN",
    "AgentDetailsSerializer",
    "AgentSerializer",
    "ProviderSerializer",
    "ProviderTestSerializer",
    "RevisionSerializer",
    "RunSerializer",
    "StepSerializer",
    "TestOutcomeSerializer",
]

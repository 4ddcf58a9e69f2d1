"""From a claimed run's rows to what the engine works on."""

from functools import partial

from agents.engine.prompt import system_prompt
from agents.engine.run import Work
from agents.engine.settings import AgentSettings, Bounds
from agents.engine.tools import REGISTRY
from agents.hosts import host_of
from agents.models import Run
from agents.prices import price_of
from agents.providers.base import Account, ModelRequest
from agents.services.providers import resolve_account
from agents.services.steps import read_rounds


def load_work(*, run_id: int) -> tuple[Work, Account]:
    """The work of a claimed run, and the account it is done with. Raises DomainError where the agent's provider cannot
    be used, with what to do about it."""
    run = Run.objects.select_related("agent__owner").get(pk=run_id)
    agent = run.agent
    account = resolve_account(provider=agent.provider, owner=agent.owner)
    Run.objects.filter(pk=run_id).update(provider=account.kind, model=agent.model)
    settings = AgentSettings.from_json(agent.settings)
    host, _ = host_of(run.subject)
    assert run.answer is not None, "Every claim sets it."  # noqa: S101
    tools = {name: tool for name, tool in REGISTRY.items() if tool.risk == "read"}
    request = ModelRequest(
        model=agent.model,
        turns=host.read_history(run, messages=settings.history_window),
        system=system_prompt(
            name=agent.name,
            role=agent.role,
            persona=agent.persona,
            traits=agent.traits,
            instructions=agent.system_prompt,
        ),
        tools=[tool.spec for tool in tools.values()],
        max_output_tokens=settings.max_output_tokens,
        temperature=settings.temperature,
        options=account.settings,
    )
    work = Work(
        run=run.pk,
        claim=run.attempt,
        topics=(run.subject, f"runs/{run.pk}"),
        message=run.answer,
        request=request,
        bounds=Bounds.from_json(run.bounds),
        rounds=read_rounds([run.pk])[run.pk],
        seconds_spent=run.seconds_worked,
        tools=tools,
        price=partial(price_of, provider=account.kind, model=agent.model),
    )
    return work, account

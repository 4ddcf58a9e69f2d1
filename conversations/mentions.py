"""Who is named with @ in a text."""

import re
from collections.abc import Sequence

from agents.models import Agent


def mentioned(text: str, agents: Sequence[Agent]) -> list[Agent]:
    """The agents named in the text as `@name` (any case, whole name), in the order given; all of them for `@all`. An @
    inside a word, as in an address, names nobody."""
    if re.search(r"(?<!\w)@all\b", text, re.IGNORECASE):
        return list(agents)
    return [agent for agent in agents if re.search(rf"(?<!\w)@{re.escape(agent.name)}(?!\w)", text, re.IGNORECASE)]

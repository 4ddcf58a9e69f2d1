"""What an agent is told about itself."""


def system_prompt(*, name: str, role: str, persona: str, traits: list[str], instructions: str) -> str:
    """The system prompt: who the agent is, then its operator's instructions word for word."""
    lines = [f"You are {name}, {role}." if role else f"You are {name}."]
    if persona:
        lines.append(persona)
    if traits:
        lines.append(f"Your traits: {', '.join(traits)}.")
    if instructions:
        lines.append(instructions)
    return "\n\n".join(lines)

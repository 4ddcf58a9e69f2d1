"""What this app gives to the engine."""

from agents import hosts
from conversations.host import ConversationHost

hosts.register("conversations", ConversationHost())

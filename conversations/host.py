"""What a run's answer is here: a message of its conversation."""

from agents.choices import RunState
from agents.engine.run import joined_text
from agents.models import Run
from agents.providers.base import Reply, Turn, UserTurn
from agents.services.steps import read_rounds
from conversations.choices import MessageState
from conversations.events import MESSAGE_COMPLETED, MESSAGE_FAILED, message_data, topic_of
from conversations.models import Message
from conversations.services.messages import add_message, lock_conversation
from gathering_site.events.services import emit

STATES = {
    RunState.SUCCEEDED: MessageState.COMPLETE,
    RunState.CANCELLED: MessageState.CUT,
    RunState.FAILED: MessageState.FAILED,
}
SHOWN_TO_MODELS = (MessageState.COMPLETE, MessageState.CUT)


class ConversationHost:
    """Runs with a subject `conversations/12`. See agents.hosts.Host."""

    def lock(self, identifier: int) -> None:
        lock_conversation(identifier)

    def open_answer(self, run: Run) -> int:
        if message := Message.objects.filter(run=run).first():
            return message.pk
        conversation = lock_conversation(int(run.subject.partition("/")[2]))
        return add_message(conversation, agent=run.agent, run=run, state=MessageState.STREAMING).pk

    def close_answer(self, run: Run, *, text: str) -> None:
        """A failed answer ends with the reason, so that everyone who reads the conversation is told."""
        message = Message.objects.select_related("agent").get(run=run)
        message.state = STATES[RunState(run.state)]
        message.text = text if run.state != RunState.FAILED else "\n\n".join(filter(None, [text, run.reason]))
        message.save(update_fields=["state", "text"])
        kind = MESSAGE_FAILED if run.state == RunState.FAILED else MESSAGE_COMPLETED
        data = {"message": message_data(message)}
        if run.reason:
            data["reason"] = run.reason
        emit(topic=topic_of(message.conversation_id), kind=kind, data=data)

    def read_history(self, run: Run, *, messages: int) -> list[Turn]:
        answer = Message.objects.select_related("conversation").get(run=run)
        earlier = answer.conversation.messages.filter(pk__lt=answer.pk, state__in=SHOWN_TO_MODELS)
        window = list(reversed(earlier.select_related("agent", "user").order_by("-pk")[:messages]))
        own = [message.run_id for message in window if message.agent_id == run.agent_id]
        rounds = read_rounds(run_id for run_id in own if run_id)
        named = answer.conversation.participants.count() > 1
        turns: list[Turn] = []
        for message in window:
            if message.agent_id == run.agent_id:
                turns += own_turns(message, rounds.get(message.run_id, []))
            else:
                turns.append(UserTurn(f"{author_name(message)}: {message.text}" if named else message.text))
        while turns and not isinstance(turns[0], UserTurn):
            del turns[0]
        return turns


def own_turns(message: Message, rounds: list) -> list[Turn]:
    """What the agent said and did in one of its messages. A message that was cut says more than its stored replies
    do."""
    turns = [turn for round in rounds for turn in round.turns]
    rest = message.text.removeprefix(joined_text(rounds)).strip()
    return [*turns, Reply(text=rest)] if rest else turns


def author_name(message: Message) -> str:
    return message.agent.name if message.agent else message.user.get_username()

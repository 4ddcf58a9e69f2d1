from hypothesis import given
from hypothesis import strategies as st

from agents.engine import flusher as flusher_module
from agents.engine.flusher import Delta, Flusher, TextStream


def stream(text: str = "") -> TextStream:
    return TextStream(topics=("runs/1",), message=1, claim=1, text=text)


class Server:
    """Keeps the text so far by the rules of gathering_site.events.live, and what it told its readers; it can lose
    all."""

    def __init__(self) -> None:
        self.published: list[Delta] = []
        self.forget()

    def forget(self) -> None:
        self.text, self.attempt = "", 0

    async def publish(self, deltas: list[Delta]) -> set[int]:
        for delta in deltas:
            if delta.offset and (delta.attempt != self.attempt or delta.offset != len(self.text)):
                return {delta.message}
            self.text, self.attempt = self.text[: delta.offset] + delta.text, delta.attempt
            self.published.append(delta)
        return set()


STEPS = st.lists(st.one_of(st.text(max_size=5), st.sampled_from(["FLUSH", "REWIND", "RESTART"])))


@given(steps=STEPS)
async def test_a_reader_that_follows_the_offsets_has_the_stream_s_text(steps):
    server = Server()
    flusher, writing = Flusher(server.publish), stream("before")
    flusher.streams.add(writing)
    writing.open_reply()
    for step in steps:
        if step == "FLUSH":
            await flusher.flush()
        elif step == "REWIND":
            writing.rewind()
        elif step == "RESTART":
            server.forget()
        else:
            writing.write_reply(step)
    for _ in range(3):
        await flusher.flush()

    seen, fence = "", 0
    for delta in server.published:
        assert delta.offset <= len(seen)
        assert delta.attempt >= fence
        seen, fence = seen[: delta.offset] + delta.text, delta.attempt
    assert seen == writing.text


async def test_a_server_that_lost_the_text_is_sent_all_of_it_again():
    server = Server()
    flusher, writing = Flusher(server.publish), stream()
    flusher.streams.add(writing)
    writing.write("one ")
    await flusher.flush()
    server.forget()
    writing.write("two")
    await flusher.flush()
    await flusher.flush()
    assert [(delta.offset, delta.text) for delta in server.published] == [(0, "one "), (0, "one two")]


async def test_a_server_that_lost_the_text_while_nothing_is_written_is_sent_it_again(monkeypatch):
    monkeypatch.setattr(flusher_module, "RENEWAL", 0.0)
    server = Server()
    flusher, writing = Flusher(server.publish), stream("said before")
    flusher.streams.add(writing)
    await flusher.flush()
    server.forget()
    await flusher.flush()
    await flusher.flush()
    assert server.text == "said before"


async def test_text_that_could_not_be_published_comes_with_the_next():
    published: list[Delta] = []
    answers = iter([ConnectionError("away"), None])

    async def publish(deltas: list[Delta]) -> set[int]:
        if error := next(answers):
            raise error
        published.extend(deltas)
        return set()

    flusher, writing = Flusher(publish), stream()
    flusher.streams.add(writing)
    writing.write("one ")
    await flusher.flush()
    writing.write("two")
    await flusher.flush()
    assert [(delta.offset, delta.text) for delta in published] == [(0, "one two")]


async def test_text_written_while_a_flush_is_under_way_comes_with_the_next():
    published: list[Delta] = []

    async def publish(deltas: list[Delta]) -> set[int]:
        if not published:
            writing.write("two")
        published.extend(deltas)
        return set()

    flusher, writing = Flusher(publish), stream()
    flusher.streams.add(writing)
    writing.write("one ")
    await flusher.flush()
    await flusher.flush()
    assert [(delta.offset, delta.text) for delta in published] == [(0, "one "), (4, "two")]


async def test_a_character_that_cannot_be_stored_is_left_out():
    server = Server()
    flusher, writing = Flusher(server.publish), stream()
    flusher.streams.add(writing)
    writing.write("a\x00\ud83db")
    await flusher.flush()
    writing.write("\x00\ud83d")
    await flusher.flush()
    assert writing.text == server.text == "ab"


async def test_a_stream_with_nothing_new_publishes_nothing():
    server = Server()
    flusher = Flusher(server.publish)
    flusher.streams.add(stream("said before"))
    await flusher.flush()
    await flusher.flush()
    assert [delta.text for delta in server.published] == ["said before"]

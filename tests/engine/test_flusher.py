from hypothesis import given
from hypothesis import strategies as st

from agents.engine.flusher import Delta, Flusher, TextStream


def stream(text: str = "") -> TextStream:
    return TextStream(topics=("runs/1",), message=1, claim=1, text=text)


@given(parts=st.lists(st.one_of(st.text(max_size=5), st.just(None), st.just("REWIND"))))
async def test_a_reader_that_follows_the_offsets_has_the_stream_s_text(parts):
    published: list[Delta] = []

    async def publish(deltas: list[Delta]) -> None:
        published.extend(deltas)

    flusher, writing = Flusher(publish), stream("before")
    flusher.streams.add(writing)
    writing.open_reply()
    for part in parts:
        if part is None:
            await flusher.flush()
        elif part == "REWIND":
            writing.rewind()
        else:
            writing.write_reply(part)
    await flusher.flush()

    seen, fence = "", 0
    for delta in published:
        assert delta.offset <= len(seen)
        assert delta.attempt >= fence
        seen, fence = seen[: delta.offset] + delta.text, delta.attempt
    # Text that was taken back is seen until the next text comes, never longer than until the message is complete.
    assert seen.startswith(writing.text)
    if "REWIND" not in parts:
        assert seen == writing.text


async def test_text_that_could_not_be_published_comes_with_the_next():
    published: list[Delta] = []
    answers = iter([ConnectionError("away"), None])

    async def publish(deltas: list[Delta]) -> None:
        if error := next(answers):
            raise error
        published.extend(deltas)

    flusher, writing = Flusher(publish), stream()
    flusher.streams.add(writing)
    writing.write("one ")
    await flusher.flush()
    writing.write("two")
    await flusher.flush()
    assert [(delta.offset, delta.text) for delta in published] == [(0, "one two")]


async def test_a_stream_with_nothing_new_publishes_nothing():
    published: list[Delta] = []

    async def publish(deltas: list[Delta]) -> None:
        published.extend(deltas)

    flusher = Flusher(publish)
    flusher.streams.add(stream("said before"))
    await flusher.flush()
    await flusher.flush()
    assert [delta.text for delta in published] == ["said before"]

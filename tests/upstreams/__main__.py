"""A stand-in as a process of its own: every question is answered with stamped tokens at a steady pace, until it is
ended."""

import argparse
import asyncio
import os
from pathlib import Path

from tests.upstreams import anthropic, ollama, openai

PROTOCOLS = {
    "anthropic": (anthropic.AnthropicUpstream, anthropic.paced),
    "ollama": (ollama.OllamaUpstream, ollama.paced),
    "openai": (openai.OpenAIUpstream, openai.paced),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.upstreams", description=__doc__)
    parser.add_argument("protocol", choices=PROTOCOLS)
    parser.add_argument("--port", type=int, default=0, help="a free one if not given")
    parser.add_argument("--port-file", type=Path, required=True, help="gets the port when it can be asked")
    parser.add_argument("--words", type=int, default=200, help="tokens of one reply")
    parser.add_argument("--rate", type=float, default=20.0, help="tokens a second")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    upstream_class, paced = PROTOCOLS[options.protocol]
    upstream = upstream_class(always=lambda: paced(options.words, options.rate))
    await upstream.start(options.port)
    draft = options.port_file.with_suffix(".draft")
    draft.write_text(str(upstream.port))
    os.replace(draft, options.port_file)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))

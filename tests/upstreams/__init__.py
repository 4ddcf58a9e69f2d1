"""Stand-ins for the places where models are served: they speak the real protocols on a real port, after a script.

In a test:

    async with OpenAIUpstream() as upstream:
        upstream.script += [error(429, retry_after=0.01), reply(text="good morning")]
        ...                       # a client talks to upstream.base_url
        upstream.requests[0].body # what arrived

As a process of its own, each token stamped with the clock: `python -m tests.upstreams --help`.
"""

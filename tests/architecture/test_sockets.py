"""What holds for every stream."""

import pytest
from channels.routing import URLRouter

from gathering_site.common.socket_auth import SocketAuth
from gathering_site.events.routing import websocket_urlpatterns
from gathering_site.events.topics import TOPICS
from tests.events.test_sockets import Socket


def test_the_streams_are_those_that_were_promised():
    assert set(TOPICS) == {"agents", "conversations", "runs"}


@pytest.mark.parametrize("prefix", sorted(TOPICS))
@pytest.mark.parametrize("header", [None, b"Bearer nonsense", b"Basic YWxpY2U6eA=="])
async def test_a_socket_without_a_valid_token_never_opens(transactional_db, prefix, header):
    headers = [(b"authorization", header)] if header else []
    socket = Socket(SocketAuth(URLRouter(websocket_urlpatterns)), f"/ws/{prefix}/1", headers)
    opened, _ = await socket.connect(timeout=5)
    assert not opened

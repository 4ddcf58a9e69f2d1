"""The server's two doors: HTTP and WebSockets."""

# ruff: noqa: E402 what is imported below needs the settings
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gathering_site.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

from gathering_site.common.socket_auth import SocketAuth
from gathering_site.events.routing import websocket_urlpatterns
from gathering_site.handler import Handler

application = ProtocolTypeRouter(
    {
        "http": ASGIStaticFilesHandler(Handler()),
        "websocket": SocketAuth(URLRouter(websocket_urlpatterns)),
    }
)

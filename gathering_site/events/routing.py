"""The sockets' paths. The last pattern takes every other path, so that it is refused and not an error."""

from django.urls import re_path

from gathering_site.events.consumers import EventConsumer, refuse

websocket_urlpatterns = [
    re_path(r"^ws/(?P<prefix>[a-z]+)/(?P<identifier>[0-9]{1,18})/?$", EventConsumer.as_asgi()),
    re_path(r"", refuse),
]

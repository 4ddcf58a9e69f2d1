from django.urls import path
from rest_framework.routers import SimpleRouter

from conversations.views.chat import ChatViewSet
from conversations.views.conversations import ConversationViewSet

router = SimpleRouter(trailing_slash=False)
router.register("conversations", ConversationViewSet, "conversations")
urlpatterns = [*router.urls, path("agents/<pk>/chat", ChatViewSet.as_view({"post": "create"}), name="chat")]

from rest_framework.routers import SimpleRouter

from conversations.views import ConversationViewSet

router = SimpleRouter(trailing_slash=False)
router.register("conversations", ConversationViewSet, "conversations")
urlpatterns = router.urls

from rest_framework.routers import SimpleRouter

from agents.views.agents import AgentViewSet
from agents.views.providers import ProviderViewSet
from agents.views.runs import RunViewSet

router = SimpleRouter(trailing_slash=False)
router.register("agents", AgentViewSet, "agents")
router.register("providers", ProviderViewSet, "providers")
router.register("runs", RunViewSet, "runs")
urlpatterns = router.urls

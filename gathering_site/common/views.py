"""What every REST view shares: who acts, whole-number paths, one way to find a thing, one shape of answers."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from gathering_site.common.actors import Actor
from gathering_site.common.error_answers import InvalidParameter
from gathering_site.common.errors import InvalidInput, NotFound
from gathering_site.common.idempotency import answer_once
from gathering_site.common.models import User
from gathering_site.common.pagination import COUNTED, LARGEST_ID
from gathering_site.common.queries import ID, USER, Plan

INTEGERS = ("pk", "revision")

PLANS: dict[tuple[Any, ...], Plan] = {}
MOST_PLANS = 1000
"""Shapes of lists that are kept: one for each view, limit and offset."""


@cache
def checker(serializer: type[BaseSerializer], partial: bool) -> BaseSerializer:
    """The one that checks all bodies of this kind: making its fields anew takes longer than the check. Checking changes
    nothing in it, so requests in other threads may use it at the same time."""
    return serializer(partial=partial)


class ResourceViewSet(GenericViewSet):
    """A kind of thing with its own addresses. A subclass names `queryset` (with `visible_to`), `serializer_class` and,
    for its list, `filterset_class`; and has one method a verb, which calls one service."""

    lookup_value_regex = "[^/]+"
    newest_first = False
    log_column = "pk"

    @property
    def actor(self) -> Actor:
        return Actor(user=self.request.user, door="rest")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.kwargs = {name: self.whole(name, text) if name in INTEGERS else text for name, text in kwargs.items()}
        if request.method == "POST" and "Idempotency-Key" in request.headers:
            self.post = answer_once(request, self.post, self.answer_again)

    def whole(self, name: str, text: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise InvalidParameter(
                {"id" if name == "pk" else name: f"It must be a whole number, not {text[:40]!r}."}, place="path"
            )
        if len(digits) > 19 or not 0 < int(text) <= LARGEST_ID:
            raise self.missing(self.queryset.model)
        return int(text)

    def answer_again(self, data: Any, status: int) -> Response:
        """The answer to a repeated POST from what was stored of the first one."""
        return Response(data, status)

    def visible(self) -> QuerySet:
        return self.get_queryset().visible_to(self.request.user)

    def get_object(self) -> Any:
        return self.find(self.visible(), pk=self.kwargs["pk"])

    def find(self, queryset: QuerySet, **lookup: Any) -> Any:
        """The one row, or NotFound: what a person may not see does not exist for them."""
        found = queryset.filter(**lookup).first()
        if found is None:
            raise self.missing(queryset.model)
        return found

    @staticmethod
    def missing(model: type[Model]) -> NotFound:
        name = str(model._meta.verbose_name)
        return NotFound(f"{name[:1].upper() + name[1:]} not found")

    def read_body(self, serializer: type[BaseSerializer], *, partial: bool = False) -> dict[str, Any]:
        """The request's body, checked and converted by the serializer."""
        if not isinstance(self.request.data, dict):
            raise InvalidInput("The body must be a JSON object.", type="dict_type")
        return checker(serializer, partial).run_validation(self.request.data)

    def show(self, thing: Any, status: int = 200) -> Response:
        return Response(self.get_serializer(thing).data, status=status)

    def list_of(self, queryset: QuerySet, *, prepare: Callable[[list[Any]], list[Any]] = list) -> Response:
        """One page of the rows; `prepare` adds to them what is not in the table."""
        page = prepare(self.paginate_queryset(queryset))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def log_of(self, queryset: QuerySet, *, prepare: Callable[[list[Any]], list[Any]] = list) -> Response:
        """One page of a log. The action's `pagination_class` is LogPagination."""
        return self.list_of(self.filter_queryset(queryset), prepare=prepare)


class Reading:
    """The list and one thing of it: each twice, for a thread and for the event loop, where Django's blocking database
    layer has no place."""

    on_loop = {"list": "list_on_loop", "retrieve": "retrieve_on_loop"}

    def list(self, request: Request) -> Response:
        return self.list_of(self.filter_queryset(self.visible()))

    def retrieve(self, request: Request, pk: int) -> Response:
        return self.show(self.get_object())

    async def list_on_loop(self, request: Request) -> Response:
        paginator = self.paginator
        paginator.read(request)
        part = self.plan_of(paginator.part, paginator.limit, paginator.offset)
        rows = await part.rows({USER: request.user.pk})
        paginator.total = paginator.total_by(rows)
        if paginator.total is None:
            whole = self.plan_of(lambda queryset: queryset.order_by()[: COUNTED + 1])
            paginator.total = paginator.capped(await whole.count({USER: request.user.pk}))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    async def retrieve_on_loop(self, request: Request, pk: int) -> Response:
        plan = self.plan_of(lambda queryset: queryset.order_by().filter(pk=ID), ID)
        found = await plan.rows({USER: request.user.pk, ID: self.kwargs["pk"]})
        if not found:
            raise self.missing(self.queryset.model)
        return self.show(found[0])

    def plan_of(self, shape: Callable[[QuerySet], QuerySet], *parts: int) -> Plan:
        """The plan of what the user may see, in this shape; kept where no filter makes it a matter of one request.
        `parts` tell the shape from others."""
        if self.action == "list" and self.request.query_params.keys() - self.paginator.parameters:
            return Plan(shape(self.filter_queryset(self.visible())))
        user = User(pk=USER, is_superuser=self.request.user.is_superuser)
        key = (type(self), user.is_superuser, parts)
        if key not in PLANS:
            if len(PLANS) > MOST_PLANS:
                PLANS.clear()
            PLANS[key] = Plan(shape(self.get_queryset().visible_to(user)))
        return PLANS[key]

    async def answer_on_loop(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """REST framework's `dispatch`, with a handler that is awaited."""
        self.args, self.kwargs, self.headers = args, kwargs, {}
        self.request = request = self.initialize_request(request, *args, **kwargs)
        try:
            self.initial(request, *args, **kwargs)
            response = await getattr(self, self.on_loop[self.action])(request, *args, **kwargs)
        except Exception as error:
            response = self.handle_exception(error)
        return self.finalize_response(request, response, *args, **kwargs).render()

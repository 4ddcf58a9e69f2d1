"""What every REST view shares: who acts, whole-number paths, one way to find a thing, one shape of answers."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from gathering_site.common.actors import Actor
from gathering_site.common.error_answers import InvalidParameter
from gathering_site.common.errors import InvalidInput, NotFound
from gathering_site.common.idempotency import answer_once
from gathering_site.common.pagination import LARGEST_ID, LogPagination

INTEGERS = ("pk", "revision")


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
            raise InvalidParameter({name: f"It must be a whole number, not {text[:40]!r}."}, place="path")
        if len(digits) > 19 or not 0 < int(text) <= LARGEST_ID:
            raise NotFound(f"{self.name_of(self.queryset.model)} not found")
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
            raise NotFound(f"{self.name_of(queryset.model)} not found")
        return found

    @staticmethod
    def name_of(model: type[Model]) -> str:
        name = str(model._meta.verbose_name)
        return name[:1].upper() + name[1:]

    def read_body(self, serializer: type[BaseSerializer], *, partial: bool = False) -> dict[str, Any]:
        """The request's body, checked and converted by the serializer."""
        if not isinstance(self.request.data, dict):
            raise InvalidInput("The body must be a JSON object.", type="dict_type")
        checked = serializer(data=self.request.data, partial=partial, context=self.get_serializer_context())
        checked.is_valid(raise_exception=True)
        return checked.validated_data

    def show(self, thing: Any, status: int = 200) -> Response:
        return Response(self.get_serializer(thing).data, status=status)

    def list_of(self, queryset: QuerySet, *, prepare: Callable[[list[Any]], list[Any]] = list) -> Response:
        """One page of the rows; `prepare` adds to them what is not in the table."""
        page = prepare(self.paginate_queryset(queryset))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def log_of(self, queryset: QuerySet, *, prepare: Callable[[list[Any]], list[Any]] = list) -> Response:
        """One page of a log, see LogPagination."""
        self._paginator = LogPagination()
        return self.list_of(self.filter_queryset(queryset), prepare=prepare)


class Reading:
    """The list and one thing of it."""

    def list(self, request: Request) -> Response:
        return self.list_of(self.filter_queryset(self.visible()))

    def retrieve(self, request: Request, pk: int) -> Response:
        return self.show(self.get_object())

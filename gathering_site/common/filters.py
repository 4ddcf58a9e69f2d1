"""Filters and orders of lists; what a list does not know is refused, not ignored."""

from typing import Any

from django.db.models import QuerySet
from django_filters import OrderingFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from gathering_site.common.error_answers import InvalidParameter


class FilterBackend(DjangoFilterBackend):
    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filters = self.get_filterset_class(view, queryset)
        known = view.paginator.parameters if view.paginator else frozenset()
        if filters:
            known = known | filters.base_filters.keys()
        if unknown := [name for name in request.query_params if name not in known]:
            names = ", ".join(sorted(known))
            raise InvalidParameter({unknown[0]: f"There is no such filter here; there are: {names}."}, code="unknown")
        if not filters or not request.query_params.keys() & filters.base_filters.keys():
            return queryset
        try:
            return super().filter_queryset(request, queryset, view)
        except ValidationError as error:
            raise InvalidParameter(error.detail) from error


class Ordering(OrderingFilter):
    """`ordering=name` or `-name`; the id decides between equals, so that pages do not overlap."""

    def filter(self, queryset: QuerySet, value: list[str] | None) -> QuerySet:
        if not value:
            return queryset
        names = [self.get_ordering_value(name) for name in value]
        return queryset.order_by(*names, "-pk" if names[-1].startswith("-") else "pk")

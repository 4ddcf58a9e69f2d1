"""Lists: an array by `limit` and `offset`, or an envelope by `page` and `page_size`; logs also by `after` and
`before`."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from gathering_site.common.error_answers import InvalidParameter

DEFAULT_LIMIT = 10
MAXIMUM_LIMIT = 200
COUNTED = 10_000
"""A total is counted up to here, so that its cost does not grow with the table; this many means: or more."""
LARGEST_ID = 2**63 - 1


def whole_number(request: Request, name: str, *, default: int, least: int, most: int = LARGEST_ID) -> int:
    """A query parameter as an integer within its bounds; raises InvalidParameter."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.removeprefix("-").isdecimal() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise InvalidParameter({name: f"It must be a whole number from {least} to {most}, not {text[:40]!r}."})


def parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "integer", **schema},
    }


class Pagination(BasePagination):
    """`X-Total-Count` and `Link` come with every array."""

    parameters = frozenset({"limit", "offset", "page", "page_size"})

    def read(self, request: Request) -> None:
        """Takes from the query which part is wanted; raises InvalidParameter."""
        self.request = request
        self.envelope = "page" in request.query_params or "page_size" in request.query_params
        if self.envelope:
            self.page = whole_number(request, "page", default=1, least=1, most=10**9)
            self.limit = whole_number(request, "page_size", default=DEFAULT_LIMIT, least=1, most=MAXIMUM_LIMIT)
            self.offset = (self.page - 1) * self.limit
        else:
            self.limit = whole_number(request, "limit", default=DEFAULT_LIMIT, least=1, most=MAXIMUM_LIMIT)
            self.offset = whole_number(request, "offset", default=0, least=0, most=10**12)

    def part(self, queryset: QuerySet) -> QuerySet:
        return queryset[self.offset : self.offset + self.limit]

    def total_by(self, rows: list[Any]) -> int | None:
        """The total, where the rows show it: a page that is not full is the last one."""
        return self.offset + len(rows) if len(rows) < self.limit and (rows or not self.offset) else None

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list[Any]:
        self.read(request)
        rows = list(self.part(queryset))
        self.total = self.total_by(rows)
        if self.total is None:
            self.total = self.count(queryset)
        return rows

    def count(self, queryset: QuerySet) -> int | None:
        return self.capped(queryset.order_by()[: COUNTED + 1].count())

    @staticmethod
    def capped(found: int) -> int:
        return min(found, COUNTED)

    def get_paginated_response(self, data: list[Any]) -> Response:
        if self.envelope:
            return Response({"items": data, "total": self.total, "page": self.page, "page_size": self.limit})
        headers = {} if self.total is None else {"X-Total-Count": str(self.total)}
        if links := self.links():
            headers["Link"] = ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())
        return Response(data, headers=headers)

    def links(self) -> dict[str, str]:
        links = {}
        following = self.offset + self.limit
        if self.total is not None and (following < self.total or self.total == COUNTED):
            links["next"] = self.link(offset=following)
        if self.offset:
            links["prev"] = self.link(offset=max(0, self.offset - self.limit))
        return links

    def link(self, **changes: int) -> str:
        query = {**self.request.query_params.dict(), "limit": self.limit, **changes}
        return f"{self.request.path}?{urlencode(query)}"

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            parameter("limit", "How many at most.", default=DEFAULT_LIMIT, minimum=1, maximum=MAXIMUM_LIMIT),
            parameter("offset", "How many to skip.", default=0, minimum=0, maximum=10**12),
            parameter("page", "With it the answer is an envelope.", minimum=1, maximum=10**9),
            parameter("page_size", "Of the envelope.", default=DEFAULT_LIMIT, minimum=1, maximum=MAXIMUM_LIMIT),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The array; `common.schema` sets the envelope beside it."""
        return schema


class LogPagination(Pagination):
    """A list that only grows. `after` gives the rows that follow an id, `before` those that precede it; without either
    it is the newest. `view.newest_first` says in which order they are shown; pages count from the newest. A part cut
    out by id is not counted: its cost must not grow with the log."""

    parameters = Pagination.parameters | {"after", "before"}

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list[Any]:
        self.column = view.log_column
        after = whole_number(request, "after", default=-1, least=0)
        before = whole_number(request, "before", default=-1, least=0)
        self.forward, self.by_key = after >= 0, after >= 0 or before >= 0
        if after >= 0:
            queryset = queryset.filter(**{f"{self.column}__gt": after})
        if before >= 0:
            queryset = queryset.filter(**{f"{self.column}__lt": before})
        found = super().paginate_queryset(
            queryset.order_by(self.column if self.forward else f"-{self.column}"), request
        )
        self.last = getattr(found[-1], self.column) if len(found) == self.limit else None
        return found if self.forward != view.newest_first else found[::-1]

    def count(self, queryset: QuerySet) -> int | None:
        return None if self.by_key and not self.envelope else super().count(queryset)

    def links(self) -> dict[str, str]:
        if not self.by_key:
            return super().links()
        if self.last is None:
            return {}
        return {"next": self.link(**{"after" if self.forward else "before": self.last})}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            *super().get_schema_operation_parameters(view),
            parameter("after", "Only what follows this id or number, from there on.", minimum=0, maximum=LARGEST_ID),
            parameter("before", "Only what precedes this id or number.", minimum=0, maximum=LARGEST_ID),
        ]

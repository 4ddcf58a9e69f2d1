"""Every filter and every order that a list offers is answered by an index, and so is every reference."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import ForeignKey, QuerySet
from django_filters import ChoiceFilter, Filter, FilterSet, NumberFilter

from gathering_site.common.filters import Ordering
from gathering_site.urls import urlpatterns

assert urlpatterns  # Which knows all views, and so all filters.
LISTS = [filters for filters in FilterSet.__subclasses__() if filters.__module__.endswith(".filters")]


def example(found: Filter) -> str:
    if isinstance(found, ChoiceFilter):
        return found.extra["choices"][0][0]
    return "1" if isinstance(found, NumberFilter) else "ada"


EXAMPLES = [
    (filters, name, example(found))
    for filters in LISTS
    for name, found in filters.base_filters.items()
    if not isinstance(found, Ordering)
]
ORDERS = [
    (filters, value)
    for filters in LISTS
    for found in filters.base_filters.values()
    if isinstance(found, Ordering)
    for value, _ in found.extra["choices"]
]


def rows(filters: type[FilterSet], **query: str) -> QuerySet:
    asked = filters(data=query, queryset=filters.Meta.model._default_manager.order_by())
    assert asked.is_valid()
    return asked.qs


@pytest.fixture
def planning(transactional_db) -> Iterator[None]:
    """The database reads a whole table, or sorts, only where no index helps."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        yield


@pytest.mark.parametrize(("filters", "name", "value"), EXAMPLES)
def test_every_filter_has_an_index(planning, filters, name, value):
    plan = rows(filters, **{name: value}).explain()
    assert "Index Cond" in plan and "Seq Scan" not in plan and " Filter:" not in plan, plan


@pytest.mark.parametrize(("filters", "order"), ORDERS)
def test_every_order_has_an_index(planning, filters, order):
    plan = rows(filters, ordering=order)[:10].explain()
    assert "Index" in plan and ("Sort Key" not in plan or "Presorted Key" in plan), plan


def test_every_reference_has_an_index(transactional_db):
    for model in apps.get_models():
        if model.__module__.startswith(("agents", "conversations", "gathering_site")):
            with connection.cursor() as cursor:
                found = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
            first = {each["columns"][0] for each in found if each["index"] or each["unique"] if each["columns"]}
            assert {field.column for field in model._meta.fields if isinstance(field, ForeignKey)} <= first, model

from typing import TypeVar

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet

Found = TypeVar("Found", bound=QuerySet)


def with_words(rows: Found, text: str, *fields: str) -> Found:
    """The rows with, in these fields, a word that begins with each word of the text. The vector is spelled as in the
    index of the model, so that the index serves it."""
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    query = SearchQuery(" & ".join(f"{word}:*" for word in words), config="simple", search_type="raw")
    vector = SearchVector(*fields, config="simple")
    return rows.annotate(words=vector).filter(words=query) if words else rows.none()

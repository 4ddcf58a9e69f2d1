"""`Idempotency-Key`: the same POST with the same key gives the same answer and does nothing twice."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from gathering_site.common.errors import Conflict, InvalidInput
from gathering_site.common.json_format import ENCODER
from gathering_site.common.models import IdempotencyKey

KEPT = timedelta(days=1)
MAXIMUM_KEY = 200
WHERE: dict[str, str] = {"field": "Idempotency-Key", "place": "header"}


def answer_once(
    request: Request, handler: Callable[..., Response], again: Callable[[Any, int], Response]
) -> Callable[..., Response]:
    """The handler, made to answer once for the request's key. The key's row is written in the transaction of the change
    itself: a second request with the key waits at the unique constraint `one_answer_per_key` until the first has
    committed or failed, so a crash leaves neither the change nor the key. `again` turns the stored data and status into
    an answer. An error answer is not kept: the request may be mended and sent again."""
    key = request.headers["Idempotency-Key"]
    if not 0 < len(key) <= MAXIMUM_KEY:
        raise InvalidInput(f"An Idempotency-Key has 1 to {MAXIMUM_KEY} characters.", **WHERE)
    content = b"\n".join([request.method.encode(), request.get_full_path().encode(), request._request.body])
    fingerprint = hashlib.sha256(content).hexdigest()

    def answer(*arguments: Any, **keywords: Any) -> Response:
        mine = IdempotencyKey.objects.filter(user=request.user, key=key)
        mine.filter(created_at__lt=timezone.now() - KEPT).delete()
        try:
            with transaction.atomic():
                row = IdempotencyKey.objects.create(user=request.user, key=key, fingerprint=fingerprint)
                response = handler(*arguments, **keywords)
                row.status, row.body = response.status_code, ENCODER.encode(response.data)
                row.save(update_fields=["status", "body"])
            return response
        except IntegrityError:
            stored = mine.first()
            if stored is None:
                raise
        if stored.fingerprint != fingerprint:
            raise Conflict("This Idempotency-Key was used for another request.", **WHERE)
        return again(msgspec.json.decode(bytes(stored.body)), stored.status)

    return answer


def forget_old_keys() -> int:
    """Removes the keys of more than a day ago; gives how many."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]

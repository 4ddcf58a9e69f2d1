"""The embedded Valkey, and what is said where there is no wheel."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gathering_site.embedded import postgres, valkey
from gathering_site.embedded.valkey import Valkey
from tests.embedded.conftest import Start


def test_one_whose_parent_is_gone_is_stopped_before_the_next(run: Path, start_server: Start) -> None:
    orphan = start_server(Valkey(run=run))
    again = Valkey(run=run)
    again.prepare()
    assert orphan.wait(5) == 0
    child = start_server(again)
    assert again.ready(child.pid)


def test_a_left_socket_is_replaced(run: Path, start_server: Start) -> None:
    killed = start_server(Valkey(run=run))
    killed.kill()
    killed.wait()
    server = Valkey(run=run)
    assert server.socket.exists()
    assert not server.ready(killed.pid)
    assert server.ready(start_server(server).pid)


@pytest.mark.parametrize(("find", "variable"), [(postgres.programs, "DATABASE_URL"), (valkey.program, "REDIS_URL")])
def test_without_a_wheel_one_line_names_the_variable(
    find: object, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a platform that has none."""
    monkeypatch.setattr(postgres, "find_spec", lambda name: None)
    monkeypatch.setattr(valkey, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=f"^[^\\n]*{variable}[^\\n]*$"):
        find()

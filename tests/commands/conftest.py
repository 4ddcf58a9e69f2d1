import os
import subprocess
import sys
from collections.abc import Callable
from typing import IO

import pytest

from gathering_site import environment

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(variables: dict[str, str], transactional_db: None) -> Run:
    """Runs `manage.py` on the tests' database, as from a terminal's command line; gives what it printed."""

    def run(
        *arguments: str, text: str = "", lines: IO[str] | None = None, **changed: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=os.environ | variables | changed,
            cwd=environment.BASE,
            **({"stdin": lines} if lines else {"input": text}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run

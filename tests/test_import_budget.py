"""What a container's start loads is pinned: each module and each class is time on every start.

If this fails you made every container slower. Find out why; then, if it is worth it, change the number and say so.
"""

import json
import pathlib
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[1]
BUDGETS = json.loads((CLONE / "tests" / "import_budget.json").read_text())
SLOW = {"rich", "pyroute2", "psutil", "asyncio", "aiohttp", "urllib3", "dataclasses", "json", "sqlite3", "subprocess",
        "socket", "logging", "tempfile", "shutil", "pathlib", "email", "http", "ssl", "yaml"}  # fmt: skip
PROBE = """
import sys
sys.path += {paths!r}
classes = len(object.__subclasses__())
{statement}
import gc
ours = sorted(m for m in sys.modules if m.startswith(("section", "minidocker")))
count = len([c for c in gc.get_objects() if isinstance(c, type)])
print(repr((ours, sorted(m for m in sys.modules if m not in ours), count)))
"""


def loaded(statement):
    paths = [
        *map(str, sorted(CLONE.glob("*/project"))),
        *map(str, (CLONE / ".venv" / "lib").glob("python3*/site-packages")),
    ]
    code = PROBE.format(paths=paths, statement=statement)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    return eval(done.stdout)  # our own child's repr


@pytest.mark.parametrize("path", sorted(BUDGETS))
def test_the_fast_path_loads_what_it_did(path):
    budget = BUDGETS[path]
    ours, others, classes = loaded(budget["statement"])
    assert set(others) & (SLOW - set(budget.get("paid_by_click", ()))) == set()
    assert ours == budget["modules"]
    assert classes <= budget["classes"], "more classes are created than before"

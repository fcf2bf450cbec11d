"""Every block of Python on the pages of docs/ runs, and the reference is that of the package."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import skipped

DOCS = Path(__file__).parents[2] / "docs"
NEEDS = {
    "polars": ["polars"],
    "pandas": ["pandas"],
    "duckdb": ["duckdb"],
    "datafusion": ["datafusion"],
    "pyarrow": ["pyarrow"],
    "spark": ["pyspark", "pyarrow"],
    "lakes": ["pyarrow"],
}


def missing(names) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is None]


@pytest.mark.parametrize("page", sorted(page.stem for page in DOCS.glob("*.md")))
def test_page(page, tmp_path):
    lacking = missing(NEEDS.get(page, []))
    if lacking:
        skipped(f"docs/{page}.md, since there is no {', '.join(lacking)}")
        return
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)
    code = []
    for block in blocks:
        needs = re.match(r"# needs: (.*)\n", block)
        lacking = missing(needs[1].split(", ")) if needs else []
        if lacking:
            skipped(f"a block of docs/{page}.md, since there is no {', '.join(lacking)}")
        else:
            code.append(block)
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], cwd=tmp_path, capture_output=True, timeout=400)
    assert done.returncode == 0, done.stderr.decode()[-3000:]


def test_the_reference_is_that_of_the_package():
    made = subprocess.check_output([sys.executable, str(Path(__file__).parents[1] / "reference.py")])
    assert (DOCS / "reference.md").read_bytes() == made, "python python/reference.py > docs/reference.md"

"""The how-to pages work: each is followed to the letter in a copy of the tree, its files, its one line, its commands.

A block ```python PATH or ```toml PATH is a file, ```diff PATH adds lines behind one that is there, ```sh is run.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kalander.kernels.laws import page

ROOT = Path(__file__).parents[2]
FOLDERS = ("kernels", "dem", "continuum", "coupling", "twin", "runs")
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TESTS = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
COMMAND = [sys.executable, "-c", "from kalander.runs.launch import main; main()"]


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the sources, and a name space in which they are Kalander."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    passed = shutil.ignore_patterns("__pycache__", ".*", "results", "data")
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=passed)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests" / ".kernel_cache").symlink_to(ROOT / "tests" / ".kernel_cache")
    (tmp_path / "names" / "kalander").mkdir(parents=True)
    for folder in FOLDERS:
        (tmp_path / "names" / "kalander" / folder).symlink_to(tmp_path / folder)
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "names" / "kalander" / name).symlink_to(tmp_path / "runs" / "kalander" / name)
    return tmp_path


def follow(tree: Path, path: str) -> list[str]:
    """Do what a page says; the files of the tree that were there before and are changed now."""
    before = contents(tree)
    for kind, target, text in BLOCK.findall((ROOT / path).read_text()):
        if kind == "diff":
            add_lines(tree / target, text)
        elif target:
            assert not (tree / target).exists(), f"{target} is no new file"
            (tree / target).write_text(text)
        elif kind == "sh":
            for line in text.splitlines():
                run(tree, shlex.split(line))
    return sorted(name for name, text in contents(tree).items() if name in before and before[name] != text)


def contents(tree: Path) -> dict[str, str]:
    paths = [
        path for folder in (*FOLDERS, "tests") for path in (tree / folder).rglob("*") if path.suffix in (".py", ".md")
    ]
    return {path.relative_to(tree).as_posix(): path.read_text() for path in paths}


def add_lines(file: Path, diff: str) -> None:
    """Lines that begin with + go behind the lines before them, which are in the file once."""
    kept = "".join(line[1:] + "\n" for line in diff.splitlines() if line[0] == " ")
    after = "".join(line[1:] + "\n" for line in diff.splitlines())
    text = file.read_text()
    assert text.count(kept) == 1, f"{kept!r} is not once in {file.name}"
    file.write_text(text.replace(kept, after))


def run(tree: Path, words: list[str]) -> str:
    """Run a line of a page with the copy as Kalander."""
    programs = {"python": [sys.executable], "kalander": COMMAND}
    environment = {**os.environ, "PYTHONPATH": str(tree / "names"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*programs[words[0]], *words[1:]], cwd=tree, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_the_copy_is_what_runs(tree):
    where = "import kalander.kernels.laws.book as book; print(book.__file__)"
    assert run(tree, ["python", "-c", where]).strip() == str(tree / "names/kalander/kernels/laws/book.py")


@pytest.mark.slow
def test_a_contact_law_is_two_files_and_one_line(tree):
    changed = follow(tree, "kernels/laws/ADD_A_LAW.md")
    assert changed == ["kernels/laws/README.md", "kernels/laws/book.py"]  # the page is made by a command
    assert "linear_spring" in (tree / "kernels/laws/README.md").read_text()
    assert len((tree / "curve.csv").read_text().splitlines()) > 3
    run(tree, [*TESTS, "tests/unit/test_packaging.py", "tests/unit/test_law_book.py"])


def test_the_table_of_laws_is_up_to_date():
    assert page.PAGE.read_text() == page.with_table(page.PAGE.read_text())


def test_a_fracture_criterion_is_one_file_and_one_line(tree):
    assert follow(tree, "dem/fracture/ADD_A_CRITERION.md") == ["dem/fracture/criteria.py"]


def test_a_verb_is_one_file(tree):
    assert follow(tree, "runs/command/ADD_A_VERB.md") == []
    assert "laws" in run(tree, ["kalander", "--help"])

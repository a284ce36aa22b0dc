"""Pages: every folder with code has one, each is short, and what they name is there."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("kernels", "dem", "continuum", "coupling", "twin", "runs", "tests")
# pages that are maps still to be drawn
LONG = {"tests/benchmarks/README.md"}
SCREEN = 60  # lines
MADE = re.compile(r"^```\w+ (\S+)$", re.MULTILINE)  # files that a how-to makes, see test_how_tos


def test_every_folder_with_code_has_a_page():
    without = {
        folder.relative_to(ROOT).as_posix()
        for folder in _folders()
        if any(folder.glob("*.py")) and not (folder / "README.md").exists()
    }
    assert without == set()


def test_each_page_of_a_folder_fits_a_screen_and_says_what_may_be_imported():
    for page in _pages():
        name = page.relative_to(ROOT).as_posix()
        text = page.read_text()
        if page.name == "README.md" and name not in LONG:
            assert len(text.splitlines()) <= SCREEN, name
        if page.parent.parent == ROOT and page.name == "README.md" and not name.startswith("tests"):
            assert "import" in text, name


@pytest.mark.parametrize("name", ["kernels", "dem", "continuum", "coupling", "twin"])
def test_the_map_of_a_folder_names_all_its_rooms(name):
    text = (ROOT / name / "README.md").read_text()
    rooms = {path.parent.name for path in (ROOT / name).glob("*/__init__.py")}
    assert {room for room in rooms if f"]({room}/README.md)" not in text} == set()


def test_links_and_paths_on_pages_lead_somewhere():
    broken = []
    for page in _pages():
        text = page.read_text()
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            there = page.parent / path if path else page
            if not there.exists() or (anchor and anchor not in _anchors(there)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
        if page.name.startswith("ADD_"):  # a how-to names files that its reader is to write
            continue
        for path in re.findall(
            r"\b(?:kernels|dem|continuum|coupling|twin|runs|tests)/[\w/]+\.(?:py|md|toml|csv)\b", text
        ):
            if not (ROOT / path).exists() and path not in MADE.findall(text):
                broken.append(f"{page.relative_to(ROOT)}: {path}")
    assert broken == []


def test_modules_that_pages_name_are_there():
    """A word set as code is a module of the folder, or a word of its code or of the pages' own language."""
    unknown = []
    for page in _pages():
        if page.name.startswith("ADD_"):
            continue
        if page.relative_to(ROOT).parts[:2] == ("tests", "benchmarks"):
            continue
        text = page.read_text()
        made = {Path(path).stem for path in MADE.findall(text)}
        for token in set(re.findall(r"`([a-z_]+(?:/[a-z_]+)?)`", text)) - made:
            inside = [*page.parent.rglob(f"{token}.py"), *ROOT.glob(f"{token}.py"), *page.parent.glob(f"{token}*")]
            if not inside and not (ROOT / token).is_dir() and not _in_code(token):
                unknown.append(f"{page.relative_to(ROOT)}: {token}")
    assert unknown == []


@pytest.mark.parametrize("word", ["press_tables_of_old", "compacting_by_hand"])
def test_a_module_that_is_gone_is_missed(word):
    assert not _in_code(word)


@cache
def _words() -> frozenset[str]:
    """Words of all code, cards and modules."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text() for path in files if path.name != Path(__file__).name]
    texts += [path.read_text() for path in (ROOT / "runs").rglob("*.toml")]
    names = {path.stem for path in files}  # files without a word of code too
    return frozenset(names | {word for text in texts for word in re.findall(r"[a-z_]+", text)})


def _in_code(token: str) -> bool:
    return all(part in _words() for part in token.split("/"))


@cache
def _anchors(page: Path) -> frozenset[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return frozenset(re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads)


def _folders() -> list[Path]:
    return [
        folder
        for name in FOLDERS
        for folder in (ROOT / name, *(ROOT / name).rglob("*"))
        if folder.is_dir() and not any(part.startswith((".", "__")) for part in folder.relative_to(ROOT).parts)
    ]


def _pages() -> list[Path]:
    return [page for folder in _folders() for page in sorted(folder.glob("*.md"))]


def test_the_python_of_the_front_page_is_that_which_a_test_runs():
    """`tests/regression/test_short_studies.py` runs the lines of runs/README.md."""
    blocks = [
        re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)[0]
        for page in ("README.md", "runs/README.md")
    ]
    assert blocks[0] == blocks[1]
    assert len(blocks[0].splitlines()) <= 20

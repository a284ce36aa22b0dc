"""The packages that are installed are the folders that there are, and the rules of the house hold in their source."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_folder_with_code_is_a_package_and_the_other_way_round():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {f"kalander.{folder}" for folder in folders} == set(PROJECT["packages"])
    assert PROJECT["package-dir"] == {f"kalander.{folder}": folder for folder in folders}
    assert not (ROOT / "__init__.py").exists()


def test_only_kernels_import_the_kernel_language_and_in_one_module():
    importers = []
    for path in ROOT.glob("*/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in ("taichi", "quadrants") for name in names):
                importers.append(path.relative_to(ROOT).as_posix())
    assert [path for path in importers if not path.startswith("tests/")] == []  # backend imports it by name


def test_no_atomic_sum_of_floats_in_the_engine():
    """atomic_add counts by one or in whole numbers; sums of forces have a fixed order."""
    for path in (ROOT / "kernels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "atomic_add":
                added = ast.unparse(node.args[1])
                whole = added == "1" or (added.startswith("ti.cast(") and added.endswith(", ti.i32)"))
                assert whole, f"{path.name}:{node.lineno}"


def test_every_folder_has_its_page():
    for folder in ("kernels", "dem", "continuum", "coupling", "twin", "runs"):
        assert "import" in (ROOT / folder / "README.md").read_text()

"""The packages that are installed are the folders that there are, and the rules of the house hold in their source."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import kalander

ROOT = Path(__file__).parents[2]
ITSELF = "runs/kalander"  # the package of that name: version, and `python -m kalander`
FOLDERS = ("kernels", "dem", "continuum", "coupling", "twin", "runs")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_folder_with_code_is_a_package_and_the_other_way_round():
    assert sorted(_packages()) == sorted(PROJECT["packages"])
    assert PROJECT["package-dir"] == {"kalander": ITSELF, **{f"kalander.{folder}": folder for folder in FOLDERS}}
    assert not (ROOT / "__init__.py").exists()


def test_every_module_lies_in_a_package_that_is_installed():
    """setuptools installs the listed packages only: a folder without __init__.py would be left out in silence."""
    modules = _modules()
    assert len(modules) > 200
    homes = {ROOT.joinpath(*name.split(".")[1:]) for name in PROJECT["packages"] if "." in name}
    assert {path.parent for path in modules} == homes | {ROOT / ITSELF}


def test_the_package_has_a_version_and_is_a_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert kalander.__version__ == project["version"]
    done = subprocess.run([sys.executable, "-m", "kalander", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Predict what calendering does" in done.stdout


def test_no_folder_holds_more_than_fifteen_modules():
    count = Counter(path.parent.relative_to(ROOT).as_posix() for path in _modules() if path.name != "__init__.py")
    assert {folder: number for folder, number in count.items() if number > 15} == {}


def test_no_circle_of_imports_type_only_ones_included():
    names = {_dotted(path): path for path in _modules()}
    imports = {name: _imported(path, set(names)) - {name} for name, path in names.items()}
    TopologicalSorter(imports).prepare()  # raises CycleError with the circle


def test_every_folder_of_rooms_has_a_contract_that_orders_all_of_them():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    ordered = {
        part.strip() for contract in contracts for layer in contract.get("layers", []) for part in layer.split("|")
    }
    rooms = set(PROJECT["packages"]) - {"kalander"} | {
        "kalander." + _dotted(path) for path in _modules() if len(path.relative_to(ROOT).parts) == 2
    }
    assert {room for room in rooms if not room.endswith("__init__")} - ordered == set()


def test_only_kernels_import_the_kernel_language_and_in_one_module():
    importers = []
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in ("taichi", "quadrants") for name in names):
                importers.append(path.relative_to(ROOT).as_posix())
    assert [path for path in importers if not path.startswith("tests/")] == []  # backend imports it by name


def test_no_atomic_sum_of_floats_in_the_engine():
    """atomic_add counts by one or in whole numbers; sums of forces have a fixed order."""
    for path in (ROOT / "kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "atomic_add":
                added = ast.unparse(node.args[1])
                whole = added == "1" or (added.startswith("ti.cast(") and added.endswith(", ti.i32)"))
                assert whole, f"{path.name}:{node.lineno}"


def _modules() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def _packages() -> list[str]:
    folders = [_dotted(path.parent) for path in _modules() if path.name == "__init__.py"]
    return ["kalander" if name == _dotted(ROOT / ITSELF) else f"kalander.{name}" for name in folders]


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _imported(path: Path, modules: set[str]) -> set[str]:
    """Modules of ours that the source imports anywhere in it, also for types only and inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kalander."):
            name = node.module.removeprefix("kalander.")
            found |= {f"{name}.{alias.name}" for alias in node.names} | {name}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("kalander.") for alias in node.names}
    return found & modules

"""One word for one quantity, one function for one number: what the tree defines once, and names in files that stay."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from kalander.dem.loading.record import PROGRESS, new_load
from kalander.kernels.quantities import platen_pressure, porosity, porosity_of_phases, springback, tortuosity

ROOT = Path(__file__).parents[2]
FOLDERS = ("kernels", "dem", "continuum", "coupling", "twin", "runs")
HOMES = {
    "porosity": "kernels/quantities.py", "springback": "kernels/quantities.py", "tortuosity": "kernels/quantities.py",
    "platen_pressure": "kernels/quantities.py", "longest_time_step": "dem/bodies/material.py",
}  # fmt: skip

SCALES = "coupling/scales.py"
FACTORS = {1e3, 1e-3, 1e6, 1e-6, 0.5e6, 0.5e-6, 1e9, 1e-9, 1e12, 1e-12, 1e15, 1e-15, 1e18, 1e-18, 1e-30, 60.0, 3600.0}
CELSIUS = 273.15


def test_all_solids_and_those_beside_the_spheres_have_names_of_their_own():
    assert "solid_volume" in PROGRESS
    assert "solid" not in PROGRESS
    assert {"solid_volume", "filler_volume"} <= set(signature(new_load).parameters)


def test_quantities_of_the_field_by_hand():
    assert porosity(3.0, 4.0) == 0.25
    assert porosity_of_phases({1: 0.25, 2: 0.5}, {1: 1.0, 2: 0.5}) == 0.5
    assert springback(55.0, 50.0) == pytest.approx(0.1, rel=1e-14)
    assert platen_pressure(2.0, 4.0) == 3.0
    assert tortuosity(0.5, 0.25) == 2.0
    assert np.isnan(tortuosity(0.5, np.array([0.25, 0.0]))).tolist() == [False, True]


@pytest.mark.parametrize("name", HOMES)
def test_each_of_the_five_has_one_home(name):
    homes = [
        path.relative_to(ROOT).as_posix()
        for path in _modules()
        for node in parsed(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert homes == [HOMES[name]]


def test_none_of_the_five_is_written_out_a_second_time():
    found = {
        f"{path.relative_to(ROOT).as_posix()}:{line} {what}: {text}"
        for path in _modules()
        if path.relative_to(ROOT).as_posix() not in HOMES.values()
        for what, line, text in second_definitions(path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "porosity = 1.0 - solids / (width * height)",
        "f(porosity_exit=1.0 - solid_total / leaving)",
        "x = {'porosity_mean': float(1.0 - density[-1])}",
        "springback = height[released] / height[loaded] - 1.0",
        "tau = porosity / self.ratio",
        "p = 0.5 * float(rows['stress_low'][row] + rows['stress_high'][row])",
        "p = 0.5e-6 * (frames['stress_low'] + frames['stress_high'])",
        "low, high = platen_stress(bed)\np = (low + high) / 2",
        "dt = step.safety * rayleigh_time(material, radius)",
        "time = math.pi * r * sqrt(rho / g) / (0.1631 * nu + 0.8766)",
    ],
)
def test_a_second_definition_is_seen(source):
    assert list(second_definitions(source))


@pytest.mark.parametrize(
    "source",
    ["middle = 0.5 * (low + high)", "share = 1.0 - height / start", "own = solids * nano / (1 - nanoporosity)",
     "left = porosity(solid_volume, bulk)", "closing = 1.0 - own / (1.0 - porosity)"],
)  # fmt: skip
def test_what_is_none_of_the_five_is_let_pass(source):
    assert not list(second_definitions(source))


def test_units_are_converted_in_scales_alone():
    found = {
        f"{name}:{line}: {text}"
        for path in _modules()
        if (name := path.relative_to(ROOT).as_posix()) != SCALES and not name.startswith("continuum")
        for line, text in unit_factors(path.read_text())
    }
    assert found == set()


def test_the_world_of_the_nip_converts_nothing():
    """Small shares of a thickness or a pressure are limits of its solvers, no units."""
    shares = {
        text
        for path in _modules()
        if path.relative_to(ROOT).parts[0] == "continuum"
        for _, text in unit_factors(path.read_text())
    }
    assert {text for text in shares if not re.match(r"(0\.001|1e-0[69]|1000\.0) \* |.* \* 1000\.0$", text)} == set()


def test_a_factor_and_an_offset_of_a_unit_are_seen_and_limits_are_not():
    source = "a = width * 1e-6\nb = stress / 1e6\nc = kelvin - 273.15\nd = x + 1e-6\ne = gap > 1e-6 * width\nf = 1e6"
    assert [line for line, _ in unit_factors(source)] == [1, 2, 3]
    tables = "{'time_s': ('time', 1e-6)}\n{'height': 1e6}\ntext(length, factor=1e6)\n('length', 1e-6, 2e-3)\n{'p': 0.3}"
    assert sorted(line for line, _ in unit_factors(tables)) == [1, 2, 3]


def test_packings_have_one_class_and_archives_one_reader():
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in _modules()}
    assert [name for name, text in sources.items() if "class Spheres" in text] == ["coupling/packings/spheres.py"]
    opening = ("np.load(", "zipfile.ZipFile(")
    assert [name for name, text in sources.items() if any(word in text for word in opening)] == [
        "coupling/packings/array_files.py"
    ]


def unit_factors(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of products and quotients by a power of ten, or by 60, that no comparison holds; of tables too."""
    tree = parsed(source)
    yield from _factors_in_tables(tree)
    compared = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Compare) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp) or id(node) in compared:
            continue
        sides = (node.right,) if isinstance(node.op, ast.Div | ast.Sub) else (node.left, node.right)
        values = {side.value for side in sides if isinstance(side, ast.Constant)}
        scaled = isinstance(node.op, ast.Mult | ast.Div) and FACTORS.intersection(values)
        if scaled or (isinstance(node.op, ast.Add | ast.Sub) and CELSIUS in values):
            yield node.lineno, ast.unparse(node)


def _factors_in_tables(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Factors that stand with a name: a pair, a table of factors alone, a keyword; a range has two numbers."""
    for node in ast.walk(tree):
        pair = isinstance(node, ast.Tuple) and len(node.elts) > 1 and _factor(node.elts[-1])
        if pair and all(isinstance(item, ast.Constant) and isinstance(item.value, str) for item in node.elts[:-1]):
            yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.Dict) and node.values and all(_factor(value) for value in node.values):
            yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.keyword) and node.arg == "factor" and _factor(node.value):
            yield node.value.lineno, ast.unparse(node)


def _factor(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value in FACTORS


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def second_definitions(source: str) -> Iterator[tuple[str, int, str]]:
    """Quantity, line and text of what looks like a formula of one of the five."""
    tree, platens = parsed(source), "platen_stress" in source or "stress_low" in source
    for name, value in _named(tree):
        porous, sprung = re.search(r"(?<!nano)poros", name), "springback" in name
        nodes = list(ast.walk(value)) if porous or sprung else []
        quotients = [node for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
        below = {id(inner) for node in quotients for inner in ast.walk(node.right)}
        for node in nodes:
            if id(node) in below:  # a volume over a solid fraction
                continue
            text = ast.unparse(node) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) else ""
            left = re.fullmatch(r"1(\.0)? - (\S.*)", text)  # one less a porosity is a solid fraction
            if porous and left and not re.fullmatch(r"[\w.]*poros\w*(\[\w+\])?", left[2]):
                yield "porosity", node.lineno, text
            if sprung and re.search(r"/.* - 1(\.0)?$", text):
                yield "springback", node.lineno, text
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            yield from _formula(node, platens=platens)
        elif isinstance(node, ast.Constant) and node.value in (0.1631, 0.8766):
            yield "longest time step", node.lineno, str(node.value)
        elif isinstance(node, ast.Call) and re.search(r"\brayleigh_time$", ast.unparse(node.func)):
            yield "longest time step", node.lineno, ast.unparse(node)


def _formula(node: ast.BinOp, *, platens: bool) -> Iterator[tuple[str, int, str]]:
    """A product, quotient or difference that looks like one of the five whatever its name."""
    if isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant):
        text = ast.unparse(node)
        if re.match(r"1(\.0)? - [^/]*solid[^/]*/", text):
            yield "porosity", node.lineno, text
    if isinstance(node.op, ast.Div) and "ratio" in ast.unparse(node.right) and "poros" in ast.unparse(node.left):
        yield "tortuosity", node.lineno, ast.unparse(node)
    if platens and isinstance(node.op, ast.Mult | ast.Div):
        text = ast.unparse(node)
        halved = re.match(r"(0\.5|5e-07) \* \w*\(", text) or re.search(r"\) / 2(\.0)?$", text)
        if halved and re.search(r"low.*\+.*high", text):
            yield "pressure", node.lineno, text


def _named(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Expressions with the name under which they go: of a variable, a keyword, a key, or what a function returns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((ast.unparse(target), node.value) for target in node.targets)
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        elif isinstance(node, ast.FunctionDef):
            yield from (
                (node.name, inner.value) for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value
            )


@cache
def _modules() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]

"""Whether two versions of Kalander compute the same bytes: studies, paths, an image and nips, one command each.

python tests/benchmarks/same_bytes.py BEFORE [AFTER] [--only nmc111,path,...] [--keep FOLDER]
BEFORE and AFTER are clones with an environment in .venv (AFTER: this one). Each command is run by both, and every
dataset of its HDF5 files and every column of its CSV and JSON files is compared, but times, versions and memory. It
ends with 1 if one differs, with the largest difference relative to the column's largest value.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).resolve().parents[2]
MATERIAL = """
[[material]]
name = "nmc_soft"
modulus = "14 GPa"
poisson = 0.30
density = "4700 kg/m^3"
yield_pressure = "0.5 GPa"
[contact]
law = "{law}"
friction = 0.5
restitution = 0.3
"""
PLATENS = '[plates]\nmaterial = "nmc_soft"\n'
PERIODIC = '[box]\nperiodic = "xyz"\n'
CASES = {
    "path": (
        "hertz_mindlin",
        PLATENS,
        'plate_speed = "5 m/s"\nuntil = { solid_fraction = 0.6 }',
        'plate_speed = "-5 m/s"\nuntil = { steps = 300 }',
    ),
    "path_stress": (
        "thornton_ning",
        PLATENS,
        'plate_speed = "5 m/s"\nuntil = { stress = "20 MPa" }',
        'stress = "30 MPa"',
        'stress = "10 MPa"',
    ),
    "path_periodic": (
        "hertz_mindlin",
        PERIODIC,
        'stress = "20 MPa"',
        'strain_rate = { zz = "5e3 1/s" }\nstress = { xx = "20 MPa", yy = "20 MPa" }\n'
        "until = { strain = { zz = 0.06 }, steps = 3000 }",
    ),
    "path_shear": (
        "hertz_mindlin",
        PERIODIC,
        'stress = "20 MPa"',
        'strain_rate = { xz = "1e4 1/s" }\nuntil = { strain = { xz = 0.01 } }',
        'strain_rate = "-5e3 1/s"\nuntil = { stress = "5 MPa" }',
    ),
}
COMMANDS = {
    "nmc111": ["run", "nmc111", "--quick", "-o", "study"],
    "graphite": ["run", "graphite", "--quick", "-o", "study"],
    **{name: ["compact", "packing.npz", "--case", "case.toml", "-o", "curve.csv", "--json"] for name in CASES},
    "image": ["transport", "image.npy", "--voxel", "0.5 um", "--axis", "all", "--json"],
    "nip": ["nip", "nip.toml", "--json"],
    "nip_layers": ["nip", "layers.toml", "--json"],
    "nip_fem": ["nip", "nip.toml", "--model", "fem", "--json"],
}
PASSING = (
    "particle_steps_per_s", "wall_s", "max_rss_bytes", "seconds", "version", "date", "time_of_day", "device", "host",
    "created",
)  # fmt: skip


def prepare(name: str, folder: Path) -> None:
    """Inputs of one command."""
    folder.mkdir(parents=True)
    if name in CASES:
        law, walls, *legs = CASES[name]
        path = "".join(f"[[path]]\n{leg}\n" for leg in legs)
        (folder / "case.toml").write_text(f"{MATERIAL.format(law=law)}{walls}{path}[frames]\nevery_strain = 0.002\n")
        np.savez(folder / "packing.npz", **grid())
    if name == "image":
        noise = np.random.default_rng(3).random((32, 32, 32))
        np.save(folder / "image.npy", (sum(np.roll(noise, 1, axis) for axis in range(3)) > 1.3).astype(np.uint8))
    if name.startswith("nip"):
        (folder / "nip.toml").write_text((HERE / "runs/cases/nip.toml").read_text())
        layer = (
            '[[web.layer]]\nthickness = "40 um"\nporosity = {e}\n'
            'closure = {{ law = "power", p0 = "{p} MPa", k = 9, unload_modulus = "6000 MPa" }}\n'
        )
        (folder / "layers.toml").write_text(
            "[web]\nsides = 2\n" + layer.format(e=0.45, p=6) + layer.format(e=0.4, p=9)
            + '[foil]\nthickness = "15 um"\nmaterial = "rigid"\n[rolls]\ndiameter = "465 mm"\n'
            '[pass]\nline_load = "300 N/mm"\nspeed = "20 m/min"\n'
        )  # fmt: skip


def grid(count: int = 4) -> dict[str, np.ndarray]:
    """Spheres of 5 um on a cubic grid, a tenth of a radius apart, a little off their places."""
    pitch = 10.5e-6
    places = (np.stack(np.meshgrid(*[np.arange(count)] * 3), -1).reshape(-1, 3) + 0.5) * pitch
    places += np.random.default_rng(5).uniform(-0.2e-6, 0.2e-6, places.shape)
    return {
        "position": places, "radius": np.full(len(places), 5e-6), "type": np.zeros(len(places), int),
        "box_size": np.full(3, count * pitch),
    }  # fmt: skip


def run(clone: Path, name: str, folder: Path) -> dict[str, np.ndarray]:
    """Everything that a command of a clone leaves behind, by file and dataset."""
    prepare(name, folder)
    environment = {**os.environ, "KALANDER_CACHE": str(clone / "tests" / ".kernel_cache")}
    line = [str(clone / ".venv/bin/kalander"), *COMMANDS[name]]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found: dict[str, np.ndarray] = {"code": np.array(done.returncode)}
    if done.returncode:
        found["error"] = np.array(done.stderr[-2000:])
    if "--json" in COMMANDS[name]:
        found |= {f"stdout:{key}": value for key, value in leaves(json.loads(done.stdout or "{}"))}
    for path in sorted(folder.rglob("*")):
        at = path.relative_to(folder)
        if path.suffix == ".h5" and "saves" not in at.parts:
            with h5py.File(path) as file:
                keep: dict[str, np.ndarray] = {}
                file.visititems(
                    lambda key, item, keep=keep: (
                        keep.update({key: item[()]}) if isinstance(item, h5py.Dataset) else None
                    )
                )
            found |= {f"{at}:{key}": np.asarray(value) for key, value in keep.items()}
        elif path.suffix == ".csv":
            with path.open() as file:
                rows = list(csv.reader(file))
            found |= {f"{at}:{title}": np.array(column) for title, *column in zip(*rows)}
        elif path.suffix == ".json":
            found |= {f"{at}:{key}": value for key, value in leaves(json.loads(path.read_text()))}
    return {key: value for key, value in found.items() if not any(word in key for word in PASSING)}


def leaves(tree: object, key: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Every value of a JSON document with its path."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, f"{key}/{name}")
    elif isinstance(tree, list) and any(isinstance(value, dict | list) for value in tree):
        for number, value in enumerate(tree):
            yield from leaves(value, f"{key}/{number}")
    else:
        yield key, np.array(str(tree) if tree is None or isinstance(tree, str) else tree)


def difference(before: np.ndarray, after: np.ndarray) -> str:
    """Empty for equal bytes; else in words."""
    if before.shape == after.shape and before.dtype == after.dtype and before.tobytes() == after.tobytes():
        return ""
    try:
        first, second = before.astype(float), after.astype(float)
    except (ValueError, TypeError):
        return f"{str(before)[:200]} -> {str(after)[:200]}"
    if first.shape != second.shape:
        return f"shape {first.shape} -> {second.shape}"
    return f"by {np.nanmax(np.abs(first - second)) / (np.nanmax(np.abs(first)) or 1.0):.3g} of the largest"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("before", type=Path)
    options.add_argument("after", type=Path, nargs="?", default=HERE)
    options.add_argument("--only", default=",".join(COMMANDS), help="commands, with commas between")
    options.add_argument(
        "--keep", type=Path, help="folder for what the commands write; what BEFORE wrote there is used again"
    )
    given = options.parse_args()
    worst = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.only.split(","):
            one, two = Path(scratch) / "before" / name, Path(scratch) / "after" / name
            if given.keep and (given.keep / f"{name}.npz").exists():
                with np.load(given.keep / f"{name}.npz") as stored:
                    before = dict(stored)
            else:
                before = run(given.before.resolve(), name, one)
                if given.keep:
                    given.keep.mkdir(parents=True, exist_ok=True)
                    np.savez(given.keep / f"{name}.npz", **before)
            after = run(given.after.resolve(), name, two)
            wrong = {key: difference(before[key], after[key]) for key in before if key in after}
            wrong = {key: words for key, words in wrong.items() if words}
            wrong |= {key: "is gone" for key in before if key not in after}
            fresh = [key for key in after if key not in before]
            print(f"{name}: exit {before['code']}, {len(before)} columns, {len(wrong)} differ, {len(fresh)} are new")
            for key, words in wrong.items():
                print(f"  {key}: {words}")
            worst = max(worst, len(wrong))
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main())

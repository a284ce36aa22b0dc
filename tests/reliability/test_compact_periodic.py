"""`kalander compact` without plates: cases and packings that do not fit, every contact law, interruptions."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from in_process import kalander_here

from kalander.coupling.results.compaction import compact
from kalander.kernels.errors import InputError

CACHE = Path(__file__).parents[1] / ".kernel_cache"
COLUMNS = (
    "time_s,strain,plate_stress_Pa,stress_xx_Pa,stress_yy_Pa,stress_zz_Pa,solid_fraction,porosity,coordination,"
    "max_overlap_ratio,kinetic_over_elastic,broken_bond_fraction,broken_particle_fraction,strain_xx,strain_yy,"
    "strain_zz,strain_xz,stress_xz_Pa,temperature_K,material_time_s,energy_error"
)

CASE = """\
[[material]]
name = "nmc_soft"
modulus = "14 GPa"
poisson = 0.30
density = "4700 kg/m^3"
yield_pressure = "0.5 GPa"

[contact]
law = "hertz_mindlin"
friction = 0.5
restitution = 0.3

[box]
periodic = "xyz"

[[path]]
stress = "20 MPa"

[[path]]
strain_rate = { zz = "5e3 1/s" }
stress = { xx = "20 MPa", yy = "20 MPa" }
until = { strain = { zz = 0.06 }, steps = 3000 }

[[path]]
strain_rate = { xz = "1e4 1/s" }
until = { strain = { xz = 0.01 } }

[[path]]
strain_rate = "-5e3 1/s"
until = { stress = "5 MPa" }

[frames]
every_strain = 0.002
"""


def grid(count: int = 4) -> dict[str, np.ndarray]:
    """Spheres of 5 um on a cubic grid, a tenth of a radius apart, a little off their places; some across the edges."""
    pitch = 10.5e-6
    places = np.stack(np.meshgrid(*[np.arange(count)] * 3), -1).reshape(-1, 3) * pitch
    places += np.random.default_rng(5).uniform(-0.2e-6, 0.2e-6, places.shape)
    return {
        "position": places, "radius": np.full(len(places), 5e-6), "type": np.zeros(len(places), int),
        "box_size": np.full(3, count * pitch),
    }  # fmt: skip


@pytest.fixture
def files(device, tmp_path):
    """A sound case and a sound packing."""
    (tmp_path / "case.toml").write_text(CASE)
    np.savez(tmp_path / "packing.npz", **grid())
    return tmp_path


def faults_of(files: Path) -> list[str]:
    """The faults of a call; nothing may be written."""
    before = {path.name for path in files.iterdir()}
    with pytest.raises(InputError) as caught:
        compact(files / "packing.npz", files / "case.toml", files / "curve.csv")
    assert {path.name for path in files.iterdir()} == before
    return [str(fault) for fault in caught.value.faults]


# (text in the sound case, text in its place, key at fault, words of the remedy)
CASE_FAULTS = [
    ('periodic = "xyz"', 'periodic = "xz"', "box.periodic", '"xyz"'),
    ('periodic = "xyz"', 'periodic = true', "box.periodic", '"xyz"'),
    ('periodic = "xyz"', 'periodc = "xyz"', "box.periodc", "periodic"),
    ('law = "hertz_mindlin"', 'law = "mdr"', "contact.law", "storakers"),
    ('[box]', '[plates]\nmaterial = "nmc_soft"\n[box]', "plates.material", "no [plates]"),
    ('[box]', '[packing]\nplates = ["0 um", "42 um"]\n[box]', "packing.plates", 'periodic = "xy"'),
    ('zz = "5e3 1/s"', 'zz = "5e3 1/m"', "path[1].strain_rate.zz", "1/s"),
    ('zz = "5e3 1/s"', 'zz = 5e3', "path[1].strain_rate.zz", "1/s"),
    ('zz = "5e3 1/s"', 'z = "5e3 1/s"', "path[1].strain_rate.z", "zz"),
    ('{ zz = "5e3 1/s" }', '{}', "path[1].strain_rate", "xx"),
    ('{ zz = "5e3 1/s" }', '{ xx = "-1 1/s", zz = "5e3 1/s" }', "path[1].strain_rate.xx", "above 0"),
    ('xx = "20 MPa", yy', 'xz = "20 MPa", yy', "path[1].stress.xz", "xx, yy, zz"),
    ('xx = "20 MPa", yy', 'xx = "-20 MPa", yy', "path[1].stress.xx", "above 0"),
    ("until = { strain = { zz = 0.06 }, steps = 3000 }\n", "", "path[1].until", "until = {"),
    ("strain = { zz = 0.06 }", "height = '1 um'", "path[1].until.height", "strain"),
    ("strain = { xz = 0.01 }", "strain = { zz = 0.01 }", "path[2].until.strain.zz", "strain of another axis"),
    ("strain = { xz = 0.01 }", "strain = { xz = -0.01 }", "path[2].until.strain.xz", "sign"),
    ("strain = { xz = 0.01 }", "strain = { xz = '1 %' }", "path[2].until.strain.xz", "a number"),
    ('strain_rate = { xz = "1e4 1/s" }', 'plate_speed = "1 m/s"', "path[2].plate_speed", "strain_rate"),
    ('strain_rate = { xz = "1e4 1/s" }', 'strain_rate = "1 1/s"\nhold = "1 s"', "path[2]", "exactly one"),
    ('strain_rate = { xz = "1e4 1/s" }', 'strain_rate = "1 1/s"\nplate_speed = "1 m/s"', "path[2]", "exactly one"),
    ('strain_rate = "-5e3 1/s"\nuntil = { stress = "5 MPa" }', 'strain_rate = "0 1/s"\nuntil = { stress = "5 MPa" }',
     "path[3].until", "steps"),
    ('until = { stress = "5 MPa" }', 'material_speed = "1 m/s"\nuntil = { stress = "5 MPa" }', "path[3].material_speed",
     "material_strain_rate"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"), CASE_FAULTS, ids=[f"{r[2]} {k}" for k, r in enumerate(CASE_FAULTS)]
)
def test_a_wrong_case_is_one_fault_with_its_line(files, old, new, key, remedy):
    assert CASE.count(old) == 1
    (files / "case.toml").write_text(CASE.replace(old, new))
    (fault,) = faults_of(files)
    assert fault.startswith("case.toml")
    assert f": {key}: " in fault
    assert remedy in fault


def test_what_needs_no_plates_is_refused_between_them(files):
    """Every leg has its fault, and all come together."""
    (files / "case.toml").write_text(CASE.replace('periodic = "xyz"', 'periodic = "xy"'))
    packing = {**grid(), "position": grid()["position"] + [0, 0, 5.25e-6]}
    np.savez(files / "packing.npz", **packing)
    faults = faults_of(files)
    keys = ("plates", "path[1].strain_rate", "path[1].stress", "path[1].until.strain", "path[2].strain_rate",
            "path[2].until.strain", "path[3].strain_rate")  # fmt: skip
    assert len(faults) == len(keys)
    for key in keys:
        assert any(f": {key}: " in fault for fault in faults), key
    assert all("periodic" in fault for fault in faults)


def test_packings_that_do_not_repeat_are_refused(files):
    """Spheres that overlap through the edge in z; a box in which a sphere would meet its own image."""
    spheres = grid()
    spheres["position"][0] += [0, 0, -2.5e-6]
    np.savez(files / "packing.npz", **spheres)
    (fault,) = faults_of(files)
    assert "overlap" in fault
    small = grid()
    keep = (small["position"] < 15e-6).all(axis=1)
    small = {name: values[keep] if len(values) == len(keep) else values for name, values in small.items()}
    np.savez(files / "packing.npz", **{**small, "box_size": np.full(3, 20e-6)})
    (fault,) = faults_of(files)
    assert ": box.periodic: " in fault
    assert "own images" in fault


def command(*options: str) -> list[str]:
    return [
        sys.executable, "-m", "kalander.runs.cli", "compact",
        "packing.npz", "--case", "case.toml", "-o", "curve.csv",
        "--device", "cpu", "--threads", "1", *options,
    ]  # fmt: skip


def kalander(files: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return kalander_here(*command(*options)[3:], folder=files, on_device=True)


def rows_of(path: Path) -> list[dict[str, float]]:
    with path.open() as file:
        return [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]


def test_a_periodic_path_answers_the_contract(files):
    done = kalander(files, "--json")
    assert done.returncode == 0, done.stderr
    answer, rows = json.loads(done.stdout), rows_of(files / "curve.csv")
    wanted = {"steps", "wall_s", "particle_steps_per_s", "max_overlap_ratio", "energy_error", "device", "curve"}
    assert wanted <= answer.keys()
    assert (files / "curve.csv").read_text().splitlines()[0] == COLUMNS
    assert answer["path_finished"]
    assert answer["legs_done"] == 4
    last = rows[-1]
    assert last["stress_xx_Pa"] < 20e6
    assert last["strain_xz"] == pytest.approx(0.01, abs=1e-4)
    # 1 - V/V0 is what the lengths say
    lengths = [1.0 - last[f"strain_{axis}"] for axis in ("xx", "yy", "zz")]
    assert last["strain"] == pytest.approx(1.0 - np.prod(lengths), abs=1e-8)
    assert last["plate_stress_Pa"] == last["stress_zz_Pa"]
    assert abs(answer["energy_error"]) < 0.005
    assert {path.name for path in files.iterdir()} == {"case.toml", "packing.npz", "curve.csv"}


LONGER = [pytest.param(law, marks=pytest.mark.slow) for law in ("thornton_ning", "storakers", "hysteretic", "rolling")]


@pytest.mark.parametrize("law", ["adhesive", *LONGER])
def test_every_law_runs_and_keeps_its_energy(files, law):
    """Isotropic to 20 MPa, strained on, opened again; work = kinetic + elastic + heat within 0.5 % of the work."""
    changes = {
        "rolling": "friction = 0.5\nrolling_friction = 0.1\ntwisting_friction = 0.1",
        "adhesive": "friction = 0.5\nadhesion = '0.05 J/m^2'",
    }
    text = CASE.replace("friction = 0.5", changes.get(law, "friction = 0.5"))
    name = {"rolling": "hertz_mindlin", "adhesive": "thornton_ning"}.get(law, law)
    (files / "case.toml").write_text(text.replace("hertz_mindlin", name))
    done = kalander(files, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["path_finished"]
    assert abs(answer["energy_error"]) < 0.005
    assert rows_of(files / "curve.csv")[-1]["strain"] > 0.05


@pytest.mark.slow
def test_an_interrupted_path_goes_on_to_the_same_curve(files):
    """Exit 75 keeps the curve so far; the same call then ends with the bytes of the uninterrupted one."""
    slow = ["--set", "path=[{stress='5 MPa'}, {stress='20 MPa', hold='1 s', until={steps=6000}}]"]
    slow += ["--set", "frames={every_steps=500}"]
    assert kalander(files, *slow).returncode == 0
    whole = (files / "curve.csv").read_bytes()
    (files / "curve.csv").unlink()
    child = subprocess.Popen(
        command(*slow, "--save-every", "0 s"), cwd=files, env={**os.environ, "KALANDER_CACHE": str(CACHE)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    saves = files / "curve.csv.saves"
    deadline = time.monotonic() + 60
    while not (saves.is_dir() and any(saves.glob("*.h5"))):
        assert time.monotonic() < deadline
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=60)
    again = kalander(files, *slow)
    assert again.returncode == 0, again.stderr
    assert "went on from" in again.stderr
    assert (files / "curve.csv").read_bytes() == whole
    assert not saves.exists()


@pytest.mark.slow
def test_a_path_that_leads_nowhere_is_exit_5_and_keeps_its_curve(files):
    path = "path=[{strain_rate='1e5 1/s', until={stress='10 GPa'}}]"
    done = kalander(files, "--set", path, "--set", "max_strain=0.2")
    assert done.returncode == 5, done.stderr
    assert "leg 1 of 1 did not end" in done.stderr
    assert len(rows_of(files / "curve.csv")) > 2


@pytest.mark.slow
def test_passes_repeat_the_whole_path(files):
    """Loaded and opened three times: nine legs end, and the bed hardens from pass to pass."""
    path = "path=[{stress='5 MPa'}, {stress='20 MPa'}, {strain_rate='-2e4 1/s', until={stress='2 MPa'}}]"
    done = kalander(files, "--json", "--set", path, "--set", "passes=3")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["legs_done"] == 9

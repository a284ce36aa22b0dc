"""`kalander compact`: packings and cases that do not fit, hostile files, other codes' files, interruptions."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from in_process import kalander_here

from kalander.coupling.cases.compact import load_compact_case
from kalander.coupling.packings.packing_files import read_spheres
from kalander.coupling.results.compaction import compact
from kalander.coupling.stages.compact import compact_stage
from kalander.kernels.device.steps import finish
from kalander.kernels.errors import InputError

CACHE = Path(__file__).parents[1] / ".kernel_cache"
COLUMNS = (
    "time_s,strain,plate_stress_Pa,stress_xx_Pa,stress_yy_Pa,stress_zz_Pa,solid_fraction,porosity,coordination,"
    "max_overlap_ratio,kinetic_over_elastic,broken_bond_fraction,broken_particle_fraction"
)
MEANS = ",plate_stress_mean_Pa"  # beside those of the contract

CASE = """\
[[material]]
name = "nmc_soft"
modulus = "14 GPa"
poisson = 0.30
density = "4700 kg/m^3"

[contact]
law = "hertz_mindlin"
friction = 0.5
restitution = 0.3
attraction = false
tangential_damping = false

[plates]
material = "nmc_soft"

[step]
dt = "1e-9 s"

[[path]]
plate_speed = "5 m/s"
until = { solid_fraction = 0.60 }

[[path]]
plate_speed = "-5 m/s"
until = { steps = 300 }

[frames]
every_steps = 100
"""


def grid(count: int = 3) -> dict[str, np.ndarray]:
    """Spheres of 5 um on a cubic grid, a tenth of a radius apart, a little off their places."""
    pitch = 10.5e-6
    places = (np.stack(np.meshgrid(*[np.arange(count)] * 3), -1).reshape(-1, 3) + 0.5) * pitch
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


def faults_of(files: Path, **changes) -> list[str]:
    """The faults of a call; nothing may be written."""
    before = {path.name for path in files.iterdir()}
    with pytest.raises(InputError) as caught:
        compact(files / "packing.npz", files / "case.toml", files / "curve.csv", **changes)
    assert {path.name for path in files.iterdir()} == before
    return [str(fault) for fault in caught.value.faults]


# (text in the sound case, text in its place, key at fault, words of the remedy)
CASE_FAULTS = [
    ('law = "hertz_mindlin"', 'law = "hertz"', "contact.law", "hertz_mindlin"),
    ('law = "hertz_mindlin"', 'law = "storakers"', "contact.law", "material.yield_pressure"),
    ('law = "hertz_mindlin"', 'law = "mdr"', "contact.law", "material.yield_strength"),
    ("friction = 0.5", "friction = -1", "contact.friction", "at least 0"),
    ("[contact]\n", "[contact]\ncolour = 1\n", "contact.colour", "friction"),
    ('"14 GPa"', '"14 GPa"\nname = "nmc"', "material[0].name", "delete one"),
    ('material = "nmc_soft"', 'material = "nmc_sfot"', "plates.material", "constants"),
    ('dt = "1e-9 s"', 'dt = "1e-7 s"', "step.dt", "auto"),
    ("solid_fraction = 0.60", "solid_fraction = 60", "path[0].until.solid_fraction", "'0.6'"),
    ("solid_fraction = 0.60", "porosity = 40", "path[0].until.porosity", "'0.4'"),
    ("until = { solid_fraction = 0.60 }\n", "", "path[0].until", "until = {"),
    ("until = { steps = 300 }", "until = {}", "path[1].until", "one of solid_fraction"),
    ("until = { steps = 300 }", "until = { steps = 0 }", "path[1].until.steps", "at least 1"),
    ('plate_speed = "-5 m/s"', 'plate_speed = "-5 m/s"\nhold = "1 s"', "path[1]", "exactly one of plate_speed, hold"),
    ('plate_speed = "-5 m/s"', 'plate_speed = "-5 m/s"\nstress = "1 MPa"', "path[1].plate_speed", "above 0"),
    ('plate_speed = "-5 m/s"\n', "", "path[1]", "one of plate_speed, stress, hold"),
    ("every_steps = 100", "every_steps = 0", "frames.every_steps", "at least 1"),
    ("[frames]", "[binder]\nmodulus = '1 GPa'\nstrength = '9 MPa'\nbridging_distance = '1 um'\n[frames]",
     "binder.volume_fraction", "above 0 and below 1"),
    ("[frames]", "[binder]\nmodulus = '1 GPa'\nstrength = '9 MPa'\nbridging_distance = '1 mm'\n"
     "volume_fraction = 0.05\n[frames]", "binder.bridging_distance", "shorter bridging distance"),
    ("[frames]", "[binder]\nmodulus = '1 GPa'\nstrength = '9 MPa'\nbridging_distance = '1 um'\nvolume_fraction = 0.05\n"
     "relaxation = [{ weight = 0.5, time = '1 s' }]\nshift = { law = 'wlf', c1 = 8, c2 = '10 K' }\n"
     "reference_temperature = '80 degC'\n[frames]", "temperature", "above 343.15 K"),
    ("[frames]", "[fracture]\ncriterion = 'largest_force'\n[frames]", "fracture.criterion", "material.strength"),
    ("attraction = false", 'adhesion_model = "jkr"', "contact.adhesion_model", '"dmt"'),
    ("[frames]", "[fracture]\nweibull_modulus = 0\n[frames]", "fracture.weibull_modulus", "above 0"),
    ("[frames]", "[fracture]\nweibull_modulus = -5\n[frames]", "fracture.weibull_modulus", "above 0"),
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


@pytest.mark.parametrize(("adhesion", "yields"), [("1 kJ/m^2", "1 GPa"), ("1 kJ/m^2", "1.5 GPa")])
def test_a_neck_that_does_not_fit_the_packing_is_a_fault(files, adhesion, yields):
    """It would yield at first touch, or be longer than a tenth of a radius; the remedy says how much may be."""
    text = CASE.replace("poisson = 0.30", f'poisson = 0.30\nyield_pressure = "{yields}"')
    text = text.replace('"hertz_mindlin"', f'"thornton_ning"\nadhesion_model = "jkr"\nadhesion = "{adhesion}"')
    (files / "case.toml").write_text(text)
    (fault,) = faults_of(files)
    assert ": contact.adhesion: " in fault
    radius, modulus, pressure = 5e-6, 14e9 / (2 * (1 - 0.3**2)), float(yields.split()[0]) * 1e9
    flattens = (np.pi * pressure) ** 3 * radius / 2 / (2 * np.pi * modulus**2)
    stretches = (0.1 / 3) ** 1.5 * 16 * radius * modulus / (2 * np.pi)  # δ_f = 3 (k R/4)^(4/3)/R at a platen
    assert float(fault.split("at most ")[1].split()[0]) == pytest.approx(min(flattens, stretches), rel=1e-2)


def test_all_faults_of_a_case_come_together(files):
    text = CASE.replace("friction = 0.5", "friction = -1").replace('"1e-9 s"', '"-1 s"').replace("0.60", "6")
    (files / "case.toml").write_text(text)
    assert len(faults_of(files)) == 3


# name -> (changes of the sound packing, words of the fault)
PACKING_FAULTS = {
    "not finite": ({"position": lambda a: np.where(np.arange(27)[:, None] == 7, np.nan, a)}, ["position[7]", "finite"]),
    "no radius": ({"radius": lambda a: -a}, ["radius[0]", "above 0"]),
    "no material": ({"type": lambda a: a + 1}, ["type[0]", "[[material]]", "0 to 0"]),
    "lengths": ({"radius": lambda a: a[:-1]}, ["do not belong together"]),
    "flat": ({"box_size": lambda a: a * [1, 1, 0]}, ["box_size", "above 0 m"]),
    "micrometres": ({name: (lambda a: a * 1e6) for name in ("radius", "position", "box_size")}, ["SI"]),
    "overlap": ({"position": lambda a: np.vstack([a[1] + [1e-6, 0, 0], a[1:]])}, ["overlap", "0-1", "0.2"]),
    "coincident": ({"position": lambda a: np.vstack([a[1], a[1:]])}, ["overlap", "0-1"]),
    "in a plate": ({"position": lambda a: a - [0, 0, 3e-6]}, ["plate", "z = 0"]),
    "larger than the box": ({"radius": lambda a: np.full(27, 2e-5)}, ["larger than the box"]),
    "none": ({name: (lambda a: a[:0]) for name in ("radius", "position", "type")}, ["particles", "1 to"]),
    "float type": ({"type": lambda a: a + 0.5}, ["type", "whole"]),
    "text": ({"radius": lambda a: np.array(["5 um"] * 27)}, ["radius", "numbers"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKING_FAULTS)
def test_a_wrong_packing_is_refused(files, name):
    changes, words = PACKING_FAULTS[name]
    arrays = grid()
    np.savez(files / "packing.npz", **{key: changes.get(key, lambda a: a)(value) for key, value in arrays.items()})
    (fault,) = faults_of(files)
    assert fault.startswith("packing.npz")
    for word in words:
        assert word in fault


class Thief:
    """A pickle that would run a command."""

    def __reduce__(self):
        return os.system, ("touch stolen",)


def declaring(size: int) -> bytes:
    """An npz whose radius claims `size` numbers and holds none."""
    arrays = io.BytesIO()
    np.savez(arrays, **grid())
    source, target = zipfile.ZipFile(arrays), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "radius.npy":
                content = content.replace(b"(27,)", b"(%d,)" % size).replace(b" " * (len(str(size)) - 2) + b"\n", b"\n")
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["pickle", "bomb", "cut", "empty", "binary", "text", "absent", "folder"])
def test_a_hostile_packing_is_refused(files, kind, monkeypatch):
    path = files / "packing.npz"
    monkeypatch.chdir(files)
    sound = path.read_bytes()
    if kind == "pickle":
        np.savez(path, **{**grid(), "radius": np.array([Thief()], dtype=object)}, allow_pickle=True)
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "absent":
        path.unlink()
    else:
        content = {"bomb": declaring(10**14), "cut": sound[:900], "empty": b"", "binary": bytes(range(256)) * 9}
        path.write_bytes(content.get(kind, b"hello\nworld\n"))
    (fault,) = faults_of(files)
    assert "packing.npz" in fault
    assert not (files / "stolen").exists()


def lammps_data(spheres: dict[str, np.ndarray]) -> str:
    """The packing as LAMMPS writes it: micrometres, types from 1, a margin in z, shuffled, with image flags."""
    rows = np.random.default_rng(2).permutation(len(spheres["radius"]))
    lines = [
        f"{row + 1} {spheres['type'][row] + 1} {2e6 * spheres['radius'][row]:.17g} 4.7 "
        + " ".join(f"{1e6 * x + shift:.17g}" for x, shift in zip(spheres["position"][row], (-3, 0, 0)))
        + " 0 0 0"
        for row in rows
    ]
    x, y, z = spheres["box_size"] * 1e6
    bounds = [f"-3 {x - 3:.17g} xlo xhi", f"0 {y:.17g} ylo yhi", f"-10 {z + 10:.17g} zlo zhi"]
    head = ["LAMMPS data", "", f"{len(rows)} atoms", "1 atom types", "", *bounds, "", "Atoms # sphere", ""]
    return "\n".join([*head, *lines, "", "Velocities", "", "1 0 0 0 0 0 0"]) + "\n"


def lammps_dump(spheres: dict[str, np.ndarray]) -> str:
    """Two snapshots, of which the first is of other places."""
    text = ""
    for step, shift in ((0, 1.0), (100, 0.0)):
        x, y, z = spheres["box_size"] * 1e6
        text += f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(spheres['radius'])}\n"
        text += f"ITEM: BOX BOUNDS pp pp ff\n0 {x:.17g}\n0 {y:.17g}\n0 {z:.17g}\nITEM: ATOMS id type x y z radius\n"
        for row, place in enumerate(spheres["position"] * 1e6 + shift):
            text += f"{row + 1} 1 {' '.join(f'{p:.17g}' for p in place)} {1e6 * spheres['radius'][row]:.17g}\n"
    return text


def notes(**words):
    from kalander.coupling.cases.compact import PackingNotes

    return PackingNotes.model_validate(words)


def test_lammps_files_are_the_same_packing(files):
    spheres = grid()
    (files / "p.data").write_text(lammps_data(spheres))
    (files / "p.dump").write_text(lammps_dump(spheres))
    plates = ["0 m", f"{spheres['box_size'][2]:.17g} m"]
    read = [
        read_spheres(files / "packing.npz", notes(), materials=1),
        read_spheres(files / "p.data", notes(length_unit="1 um", plates=plates), materials=1),
        read_spheres(files / "p.dump", notes(length_unit="1 um"), materials=1),
    ]
    for other in read:
        for name, values in spheres.items():
            assert getattr(other, name) == pytest.approx(values, rel=1e-12, abs=1e-18)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (lambda s: lammps_data(s), ["length_unit"]),
        (lambda s: lammps_data(s).replace("27 atoms", "28 atoms"), ["Velocities"]),
        (lambda s: lammps_data(s).replace("27 atoms", "many atoms"), ["'many'"]),
        (lambda s: lammps_data(s).replace("zlo zhi", "zlo"), ["lacks atoms or bounds"]),
        (lambda s: lammps_dump(s).replace(" radius", ""), ["radius or diameter"]),
        (lambda s: lammps_dump(s).replace("pp pp ff", "xy xz yz pp pp ff"), ["tilted"]),
        (lambda s: lammps_dump(s)[:-200], ["too few numbers"]),
        (lambda s: lammps_dump(s).rsplit("\n", 3)[0], ["ends after 25 of 27"]),
    ],
)  # fmt: skip
def test_a_damaged_lammps_file_is_refused(files, text, words):
    (files / "p").write_text(text(grid()))
    with pytest.raises(InputError) as caught:
        read_spheres(files / "p", notes() if "length_unit" in words else notes(length_unit="1 um"), materials=1)
    for word in words:
        assert word in str(caught.value)


SOUND = {"npz": lambda folder: (folder / "packing.npz").read_bytes(), "data": lambda _: lammps_data(grid()).encode(),
         "dump": lambda _: lammps_dump(grid()).encode()}  # fmt: skip


@pytest.mark.parametrize("kind", SOUND)
def test_damaged_bytes_are_a_packing_or_a_refusal(files, kind):
    """200 files with a few bytes changed, cut or doubled: each is read, or refused as bad input."""
    sound, rng, refused = SOUND[kind](files), np.random.default_rng(11), []
    for _ in range(200):
        content = bytearray(sound)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        where, way = rng.integers(0, len(content)), rng.integers(0, 6)
        content = {0: content[:where], 1: content[:where] + content}.get(int(way), content)
        (files / "damaged").write_bytes(bytes(content))
        try:
            read_spheres(files / "damaged", notes(length_unit="1 um", plates=["0 um", "31.5 um"]), materials=1)
        except InputError as error:
            refused.append(len(str(error)))
    assert len(refused) > 20
    assert max(refused) < 2000  # a line, whatever the file held


def test_damaged_headers_of_arrays_are_refused(files):
    """The same within an archive whose checksums are right: only what declares the arrays is changed."""
    source, rng, refused = zipfile.ZipFile(files / "packing.npz"), np.random.default_rng(12), []
    members = {name: source.read(name) for name in source.namelist()}
    for _ in range(300):
        name = str(rng.choice(list(members)))
        content = bytearray(members[name])
        for place in rng.integers(0, 100, 2):
            content[place] = rng.choice(list(b"0123456789(),'<>fOVUb8-:{} L\x00\xff"))
        with zipfile.ZipFile(files / "damaged", "w") as archive:
            for other, sound in members.items():
                archive.writestr(other, bytes(content) if other == name else sound)
        try:
            read_spheres(files / "damaged", notes(), materials=1)
        except InputError as error:
            refused.append(len(str(error)))
    assert len(refused) > 200
    assert max(refused) < 2000


def test_the_case_of_the_contract_is_accepted(files):
    """All keys of the documented case, with its path and frames."""
    case = load_compact_case(files / "case.toml")
    assert case.path[0].until.ends == {"solid_fraction": 0.6}
    assert case.plates.material == case.material[0]
    assert case.contact.restitution == 0.3


def test_the_shipped_case_is_accepted():
    case = load_compact_case(Path(__file__).parents[2] / "runs" / "cases" / "compact.toml")
    assert case.path[0].until.ends == {"stress": 2e6}


def command(files: Path, *options: str, **keywords) -> list[str]:
    return [
        sys.executable, "-m", "kalander.runs.cli", "compact",
        "packing.npz", "--case", "case.toml", "-o", "curve.csv",
        "--device", "cpu", "--threads", "1", *options,
    ]  # fmt: skip


def kalander(files: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return kalander_here(*command(files, *options)[3:], folder=files, on_device=True)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_compact_answers_the_contract(files):
    done = kalander(files, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    wanted = {"steps", "wall_s", "particle_steps_per_s", "max_overlap_ratio", "energy_error", "device", "curve"}
    assert wanted <= answer.keys()
    assert answer["curve"] == "curve.csv"
    assert (files / "curve.csv").read_text().splitlines()[0] == COLUMNS + MEANS
    rows = rows_of(files / "curve.csv")
    turning = [float(row["solid_fraction"]) for row in rows].index(max(float(row["solid_fraction"]) for row in rows))
    assert float(rows[turning]["solid_fraction"]) == pytest.approx(0.6, abs=1e-4)
    assert len(rows) - turning == 5  # 300 steps up: a row at every 100, and one at the end where it lies between
    assert float(rows[-1]["time_s"]) == pytest.approx(answer["steps"] * 1e-9, rel=1e-9)
    energies = answer["energies_J"]
    open_energy = energies["work"] - energies["elastic"] - energies["kinetic"] - energies["heat"]
    assert answer["energy_error"] == pytest.approx(open_energy / energies["work_largest"], rel=1e-9)
    assert {path.name for path in files.iterdir()} == {"case.toml", "packing.npz", "curve.csv"}


@pytest.mark.slow
def test_an_interrupted_path_goes_on_to_the_same_curve(files):
    """Exit 75 keeps the curve so far; the same call then ends with the bytes of the uninterrupted one."""
    slow = ["--set", "path=[{plate_speed='0.5 m/s', until={solid_fraction=0.51}}]"]
    assert kalander(files, *slow).returncode == 0
    whole = (files / "curve.csv").read_bytes()
    (files / "curve.csv").unlink()
    child = subprocess.Popen(
        command(files, *slow, "--save-every", "0 s"), cwd=files, env={**os.environ, "KALANDER_CACHE": str(CACHE)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    saves = files / "curve.csv.saves"
    deadline = time.monotonic() + 60
    while not (saves.is_dir() and any(saves.glob("*.h5"))):
        assert time.monotonic() < deadline
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=60) == 75
    part = (files / "curve.csv").read_bytes()
    assert part.startswith(COLUMNS.encode())
    assert len(part) < len(whole)
    again = kalander(files, *slow)
    assert again.returncode == 0
    assert "went on from" in again.stderr
    assert (files / "curve.csv").read_bytes() == whole
    assert not saves.exists()


def test_a_save_with_a_shortened_time_step_goes_on_to_the_same_bits(files, device):
    """Pressed contacts shorten the step, released ones lengthen it again: a save from between keeps both ends."""
    fast = CASE.replace('[step]\ndt = "1e-9 s"\n', "").replace("solid_fraction = 0.60", "solid_fraction = 0.64")
    (files / "case.toml").write_text(fast)
    case = load_compact_case(files / "case.toml")
    spheres = read_spheres(files / "packing.npz", case.packing, materials=1)
    stage = compact_stage(case, spheres, {}, precision=device.precision, schedule="boxes")
    saves, steps, work = [], [], stage.work({}, None)
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            whole = end.value
            break
        saves.append(deepcopy(progress.snapshot()))
        steps.append(float(saves[-1].tables["boxes"]["dt"][0]))
    shortest = int(np.argmin(steps))
    assert max(steps[shortest:]) > 1.5 * steps[shortest]
    for save in (saves[shortest], saves[shortest // 2]):
        resumed = finish(stage.work({}, save))
        for table, columns in whole.tables.items():
            for name, column in columns.items():
                assert column.tobytes() == resumed.tables[table][name].tobytes(), f"{table}/{name}"


def test_a_path_that_leads_nowhere_is_exit_5_and_keeps_its_curve(files):
    """A stress that a single sphere in a wide box cannot bear within max_strain."""
    one = {"position": [[5e-5, 5e-5, 5e-6]], "radius": [5e-6], "type": [0], "box_size": [1e-4, 1e-4, 2e-5]}
    np.savez(files / "packing.npz", **{name: np.array(values) for name, values in one.items()})
    path = "path=[{plate_speed='5 m/s', until={stress='1 GPa'}}]"
    done = kalander(files, "--set", path, "--set", "max_strain=0.4")
    assert done.returncode == 5, done.stderr
    assert "leg 1 of 1 did not end" in done.stderr
    assert len(rows_of(files / "curve.csv")) > 2


BINDER = """
[binder]
modulus = "1 GPa"
strength = "1 GPa"
bridging_distance = "1 um"
volume_fraction = 0.05
relaxation = [{ weight = 0.4, time = "1 ms" }, { weight = 0.2, time = "1 s" }]
shift = { law = "arrhenius", activation_energy = "80 kJ/mol" }
softening = "0.012 1/K"
"""


@pytest.mark.slow
def test_a_binder_relaxes_on_its_own_clock(files):
    """Pressed in 1 ms of material time, at rest for 1 us, for 10 s, and warmed: rests of as many steps each."""
    legs = [
        "{plate_speed='2 m/s', until={strain=0.03}, material_speed='1 mm/s'}",
        *(f"{{hold='{time}', temperature='{warmth}', until={{steps=3000}}}}"
          for time, warmth in (("1 us", "25 degC"), ("10 s", "25 degC"), ("1 us", "80 degC"))),
    ]  # fmt: skip
    (files / "case.toml").write_text(CASE + BINDER)
    done = kalander(files, "--json", "--set", f"path=[{', '.join(legs)}]")
    assert done.returncode == 0, done.stderr
    answer, rows = json.loads(done.stdout), rows_of(files / "curve.csv")
    end_of = {step: float(row["plate_stress_Pa"]) for step, row in ((round(1e9 * float(r["time_s"])), r) for r in rows)}
    rested, relaxed, warmed = (end_of[answer["steps"] - back] for back in (6000, 3000, 0))
    assert relaxed < 0.75 * rested
    assert warmed < 0.75 * relaxed
    assert answer["material_time_s"] == pytest.approx(10.0, rel=1e-3)
    assert abs(answer["energy_error"]) < 0.02  # of a fast press of 27 spheres with dashpots booked half a step late


@pytest.mark.slow
def test_a_pack_of_a_study_is_pressed_with_its_bonds(files):
    """pack.h5 brings bonds; binder constants come from the case."""
    environment = {**os.environ, "KALANDER_CACHE": str(CACHE)}
    from kalander.coupling.cards.card import load_card
    from kalander.coupling.packings.stored import PACKED
    from kalander.coupling.stages.chain import card_stages
    from kalander.coupling.store.store import write

    card = load_card("nmc111", overrides={"boxes.width": "20 um", "boxes.replicas": "1"})
    work = card_stages(card)[0].work({}, None)
    while True:
        try:
            next(work)
        except StopIteration as end:
            write(files / "pack.h5", end.value, PACKED, kind="result", identity={})
            break
    binder = "binder={modulus='0.3 GPa', strength='34 MPa', bridging_distance='0.5 um'}"
    arguments = ["--set", "path=[{plate_speed='5 m/s', until={strain=0.1}}]"]
    line = [word if word != "packing.npz" else "pack.h5" for word in command(files, *arguments)]
    refused = subprocess.run(line, cwd=files, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "binder" in refused.stderr
    done = subprocess.run(
        [*line, "--set", binder], cwd=files, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = rows_of(files / "curve.csv")
    assert float(rows[0]["porosity"]) == pytest.approx(0.522, abs=1e-6)  # of the card
    # bonds carry: loose spheres of 9 um would show no stress at a strain of 0.1
    assert float(rows[-1]["plate_stress_Pa"]) > 1e6

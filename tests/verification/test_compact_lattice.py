"""`kalander compact` on crystals without plates: pressure and shear modulus of Hertzian lattices, closed forms."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CACHE = Path(__file__).parents[1] / ".kernel_cache"
MODULUS, POISSON, RADIUS = 14e9, 0.3, 5e-6
CLOSED, SHEARED = 1e-3, 1e-5

# Centres in a unit cell, its edge in radii, contacts of a sphere, cells along an edge
CRYSTALS = {
    "simple cubic": ([[0, 0, 0]], 2.0, 6, 4),
    "face-centred cubic": ([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], 4.0 / np.sqrt(2.0), 12, 3),
}

CASE = f"""\
[[material]]
name = "grain"
modulus = "14 GPa"
poisson = {POISSON}
density = "4700 kg/m^3"

[contact]
friction = 10
restitution = 1.0            # no dashpots: they would answer to the rate

[box]
periodic = "xyz"

[[path]]
strain_rate = "1e3 1/s"
until = {{ strain = {{ xx = {CLOSED} }} }}

[[path]]
strain_rate = {{ xz = "50 1/s" }}
until = {{ strain = {{ xz = {SHEARED} }} }}
"""


@pytest.mark.parametrize("name", ["simple cubic", pytest.param("face-centred cubic", marks=pytest.mark.slow)])
def test_crystal_is_as_stiff_as_its_contacts(tmp_path, name) -> None:
    """P = z φ F/(4 π R²) by the virial theorem, exact at finite strain; C44 of the lattice of springs k_n, k_t.

    C44 = k_t/(2 l) of simple cubic crystals and (k_n + k_t)/(√2 l) of face-centred ones, k_n = 2 E* a and k_t = 8 G* a
    under pressure, less what the forces F/l themselves turn: of the order of the overlap over the distance, 1e-3.
    """
    cell, edge, neighbours, count = CRYSTALS[name]
    corners = np.stack(np.meshgrid(*[np.arange(count)] * 3), -1).reshape(-1, 1, 3)
    position = ((corners + np.asarray(cell)) * edge * RADIUS).reshape(-1, 3)
    total = len(position)
    np.savez(
        tmp_path / "crystal.npz", position=position, radius=np.full(total, RADIUS), type=np.zeros(total, int),
        box_size=np.full(3, count * edge * RADIUS),
    )  # fmt: skip
    (tmp_path / "case.toml").write_text(CASE)
    done = subprocess.run(
        [sys.executable, "-m", "kalander.runs.cli", "compact",
         "crystal.npz", "--case", "case.toml", "-o", "curve.csv",
         "--device", "cpu", "--threads", "1"],
        cwd=tmp_path, env={**os.environ, "KALANDER_CACHE": str(CACHE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (tmp_path / "curve.csv").open() as file:
        rows = [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]
    still = [row for row in rows if row["strain_xz"] == 0.0][-1]

    strain, effective = still["strain_xx"], MODULUS / (2.0 * (1.0 - POISSON**2))
    assert strain == pytest.approx(CLOSED, rel=2e-3)  # of a step
    fraction = total * 4.0 / 3.0 * np.pi * RADIUS**3 / (count * edge * RADIUS) ** 3
    force = 4.0 / 3.0 * effective * np.sqrt(0.5 * RADIUS) * (2.0 * RADIUS * strain) ** 1.5
    pressure = neighbours * force * fraction / (4.0 * np.pi * (RADIUS * (1.0 - strain)) ** 2)
    for axis in ("xx", "yy", "zz"):
        assert still[f"stress_{axis}_Pa"] == pytest.approx(pressure, rel=1e-5)  # 9 digits of strain in the file

    contact = np.sqrt(0.5 * RADIUS * 2.0 * RADIUS * strain)
    tangential = 8.0 * MODULUS / (4.0 * (1.0 + POISSON) * (2.0 - POISSON)) * contact
    length = 2.0 * RADIUS * (1.0 - strain)
    shear = tangential / (2.0 * length)
    if name != "simple cubic":
        shear = (2.0 * effective * contact + tangential) / (np.sqrt(2.0) * length)
    last = rows[-1]
    assert last["stress_xz_Pa"] / last["strain_xz"] == pytest.approx(shear, rel=5e-3)
    assert abs(last["energy_error"]) < 2e-4

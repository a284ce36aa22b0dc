"""Which definition of a crack gives the published shares: every particle of loaded boxes, judged in many ways.

python runs/studies/validation/definitions.py [FOLDER] [--quick]
presses the boxes of the card nmc111 to three stresses and holds there. Beside the criteria it judges by what the list
does not have: mean contact force, largest principal stress, von Mises, the mean stress with the pores averaged in, and
the tension that Love and Weber's mean stress itself has. Share of the number of particles, as the published one is
(Sangros Gimenez et al., Energy Technol. 8 (2020) 1900180: 0 and 1.52 % at 19.82 and 159.37 MPa, computed).
"""

from collections.abc import Iterator

import numpy as np

import kalander.runs as kal
from kalander.coupling.scales import in_unit, material_of
from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.criteria import CRITERIA
from kalander.dem.fracture.crushing import Loads, crushing_stress
from kalander.dem.fracture.loads import body_loads
from kalander.runs.shell.script import script_arguments

__all__ = ["definitions", "loads_at"]

STRESSES = (19.82e6, 80e6, 159.37e6)


def loads_at(card: kal.Card, beds: tuple[kal.Packing, ...], stress: float) -> Iterator[tuple[Loads, float]]:
    """What the particles of each bed bear under a stress [Pa], and the solid fraction of its spheres."""
    press = kal.Leg(speed="20 m/s", inertial_number=card.press.inertial_number, until={"stress": stress})
    curve = kal.compress(beds, kal.Path([press], frames={"every_strain": 0.05}))
    fraction = curve.loaded(stress).solid_fraction.values
    for bed, filled in zip(curve.beds, fraction):
        assert bed.state is not None
        rows = bed.state.lawbook["contact"].shape[-1]
        yield body_loads(Bed(bed.state, precision="f64", schedule="boxes"), [material_of(card)] * rows), float(filled)


def definitions(loads: Loads, filled: float) -> dict[str, np.ndarray]:
    """Stress [MPa] of each particle that is compared with its strength, by name."""
    symmetric = 0.5 * (loads.stress + np.swapaxes(loads.stress, 1, 2))
    principal = np.linalg.eigvalsh(symmetric)  # ascending, compression positive
    mean, spread = principal.mean(axis=1), principal - principal.mean(axis=1)[:, None]
    count = np.bincount(loads.sides.body, minlength=len(loads.radius))
    force = np.bincount(loads.sides.body, loads.sides.force, len(loads.radius)) / np.maximum(count, 1)
    return {
        **{name: law(loads) for name, law in CRITERIA.items()},
        "mean contact force": crushing_stress(force, loads.radius),
        "mean stress over box": mean * filled,
        "largest principal": principal[:, 2],
        "von Mises": np.sqrt(1.5 * (spread**2).sum(axis=1)),
        "tension of the mean": np.maximum(-principal[:, 0], 0.0),
    }


def main(arguments: list[str]) -> dict[float, dict[str, tuple[float, float]]]:
    quick = "--quick" in arguments
    card = kal.load_card("nmc111", quick=quick)
    beds, found = kal.pack(card), {}
    for stress in STRESSES[: 1 if quick else 3]:
        shares: dict[str, list[tuple[float, float]]] = {}
        for loads, filled in loads_at(card, beds, stress):
            strength, volume = material_of(card).crushing_strength(2.0 * loads.radius), loads.radius**3
            for name, value in definitions(loads, filled).items():
                over = value > strength
                shares.setdefault(name, []).append((float(over.mean()), float(over @ volume / volume.sum())))
        found[stress] = {name: tuple(np.mean(pairs, axis=0)) for name, pairs in shares.items()}
    print("particles beyond their strength under load (% of number, % of volume)")
    print(f"{'':>22}" + "".join(f"{in_unit(stress, 'MPa'):11.2f} MPa" for stress in found))
    for name in found[STRESSES[0]]:
        pairs = (shares[name] for shares in found.values())
        print(f"{name:>22}" + "".join(f"{100 * number:8.2f}{100 * volume:7.2f}" for number, volume in pairs))
    return found


if __name__ == "__main__":
    main(script_arguments(__doc__))

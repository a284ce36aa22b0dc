"""The results of a study as tables of text: the states beside the published ones, the nip, the volume balance."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalander.coupling.cards.card import Card
from kalander.coupling.cards.sections import Published
from kalander.coupling.results.answers import electrode_answer, nip_answer, transport_answer
from kalander.coupling.results.fracture import CRITERION_NAMES, criteria_answer, judges, size_classes_of
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.results.study import Study
from kalander.coupling.results.validity import study_flags, validity_answer
from kalander.coupling.scales import in_unit
from kalander.coupling.store.store import Data
from kalander.dem.fracture.criteria import CRITERIA, SANGROS_2020
from kalander.runs.page.grid import ABSENT, Grid, decimal, micrometres, percent, significant, with_values_only
from kalander.runs.page.measured_tables import sizes_grid, transport_grid

__all__ = ["Summary", "nip_settings", "published_at", "summarise"]

NOT_JUDGED = "not judged"  # the card's criterion of fracture is "none"
LEDGER_ROWS = {
    "elastic": "elastic energy of contacts and bonds", "kinetic": "kinetic energy", "friction": "friction",
    "damping": "dashpots of contacts", "plastic": "yielding", "bonds": "bonds: failure, dashpots, relaxation",
    "bond_flow": "bonds: plastic work", "fracture_energy": "fracture",
}  # fmt: skip
WORTH_SAYING = 0.1e-6  # m; lengths are shown to that digit
STRESS_TOLERANCE = 0.01  # a published state belongs to a pressed stress within this share of it
NAME_LENGTH = 14  # of a published state in a heading
LEDGERS_A_GRID = 6  # of the largest stresses, with a narrow column each
STRESSES_A_GRID = 3  # the largest ones, with two columns each
STATE_TITLE = "Electrode before and after, particle boxes: mean ± standard deviation over the replicas"
UNPUBLISHED = "published"  # heading of a stress for which nothing was
STATES_A_GRID = 2  # with their published columns, what fits beside the labels in 118 columns


@dataclass(frozen=True)
class Summary:
    """What the end of a run shows. notes: missing and outdated stages, flags, device; one sentence each."""

    grids: tuple[Grid, ...]
    notes: tuple[str, ...]


def summarise(results: Study) -> Summary:
    """All tables of what is there."""
    card = results.card
    grids = [balance_grid(card)]
    packed, pressed, rolled = (results.data(name) for name in ("pack", "press", "nip"))
    settings = [] if rolled is None else nip_settings(rolled)
    if packed is not None:
        grids.append(sizes_grid(card, packed))
    if pressed is not None:
        rows = press_answer(card, pressed)
        grids = [*state_grids(card, rows, settings), *grids, ledger_grid(rows), *fracture_grids(card, pressed)]
    if rolled is not None:
        grids.append(nip_grid(card, settings))
    measured = results.data("transport")
    if measured is not None:
        grids.append(transport_grid(transport_answer(measured)))
    finished = {name: stored.data for name, stored in results.stored.items()}
    flags = study_flags(card, finished) if pressed is None else validity_answer(card, finished)["flags"]
    notes = [f"missing: {name} is not computed yet" for name in results.missing]
    notes += [f"outdated: {sentence}" for sentence in results.stale]
    notes += [f"flag: {flag}" for flag in flags]
    notes += _nip_notes(results.data("closure"), rolled)
    if pressed is not None:
        notes += _thickness_notes(card, press_answer(card, pressed), settings)
    return Summary(tuple(with_values_only(grid) for grid in grids), (*notes, f"device: {results.made_on}"))


def _nip_notes(closure: Data | None, rolled: Data | None) -> list[str]:
    """What was done to the pressing curves, and which settings have no solution or leave the pressed stresses."""
    notes = [] if closure is None else [f"flag: closure: {note}" for note in closure.attributes.get("notes", [])]
    if rolled is not None:
        notes += [f"nip without a solution: {name}: {why}" for name, why in rolled.attributes["reasons"].items()]
        outside = rolled.attributes.get("notes", {}).items()
        notes += [f"flag: nip, {name}: {note}" for name, sentences in outside for note in sentences]
    return notes


def _thickness_notes(card: Card, rows: list[dict[str, Any]], settings: list[dict[str, Any]]) -> list[str]:
    """Why boxes and nip show other thicknesses at one stress, where they do."""
    foil, sides, differences = card.electrode.foil.thickness, card.electrode.sides, []
    for row in rows:
        held = f"stress {in_unit(row['stress_Pa'], 'MPa'):g} MPa"
        rolled = [one for one in settings if one["name"] == held and one["solved"]]
        if rolled and row["thickness_released_m"] is not None:
            boxes = foil + sides * row["thickness_released_m"]
            differences.append((abs(rolled[0]["exit_thickness_m"] - boxes), boxes, rolled[0]))
    largest, boxes, nip = max(differences, key=lambda item: item[0], default=(0.0, 0.0, {}))
    if largest < WORTH_SAYING:
        return []
    return [
        f"boxes and nip: at {nip['name']} the released web is {micrometres(boxes)} µm in the boxes, "
        f"{micrometres(nip['exit_thickness_m'])} µm behind the nip: the closure averages strains over the replicas "
        "where the table of states averages thicknesses, and lets porosity fall with load where scatter does not"
    ]


# --- the grids --------------------------------------------------------------------------------------------------------


def state_grids(card: Card, rows: list[dict[str, Any]], settings: list[dict[str, Any]]) -> Iterator[Grid]:
    """The state before and those after pressing, each beside the published one of its stress."""
    for first in range(0, len(rows), STATES_A_GRID):
        columns = _before_columns(card)
        for row in rows[first : first + STATES_A_GRID]:
            columns += _state_columns(card, row, settings)
        columns = [(heading, cells) for heading, cells in columns if heading != UNPUBLISHED]
        lines = tuple((label, *(cells.get(label, ABSENT) for _, cells in columns)) for label in STATE_LABELS)
        yield Grid(STATE_TITLE, ("state", *(heading for heading, _ in columns)), lines)


STATE_LABELS = (
    "porosity, loaded (%)",
    "porosity, released (%)",
    "web thickness, loaded (µm)",
    "web thickness, released (µm)",
    "coating, one side, loaded (µm)",
    "coating, one side, released (µm)",
    "springback (% of loaded)",
    "recovery (% of initial)",
    "contacts of a particle, loaded",
    "broken binder bonds (%)",
    "cracked share of volume (%)",
    "lateral over axial stress",
    "replicas that reached it",
    "line load, elastic rolls (N/mm)",
    "line load, rigid rolls (N/mm)",
    "set gap, elastic rolls (µm)",
    "set gap, rigid rolls (µm)",
)

Columns = list[tuple[str, dict[str, str]]]  # heading, and cells by label


def nip_at(settings: list[dict[str, Any]], stress: float, *, elastic: bool) -> dict[str, Any] | None:
    """The nip that was solved for a pressed stress [Pa]."""
    for setting in settings:
        # the card's own setting may come near the stress by chance, but is not the nip that was solved for it
        if not setting["solved"] or not setting["name"].startswith("stress") or setting["elastic_rolls"] != elastic:
            continue
        if np.isclose(setting["peak_pressure_Pa"], stress, rtol=STRESS_TOLERANCE):
            return setting
    return None


def _before_columns(card: Card) -> Columns:
    """The state that follows from the recipe, and the published one."""
    answer = electrode_answer(card)
    computed = {
        "porosity, released (%)": percent(card.electrode.porosity),
        "web thickness, released (µm)": micrometres(answer["web_thickness_m"]),
        "coating, one side, released (µm)": micrometres(answer["coating_thickness_m"]),
    }
    return [("recipe", computed), _published_column(card, 0.0)]


def _state_columns(card: Card, row: dict[str, Any], settings: list[dict[str, Any]]) -> Columns:
    """One pressed stress, and the nip that reaches it."""
    foil, sides, stress = card.electrode.foil.thickness, card.electrode.sides, row["stress_Pa"]

    def web(state: str) -> str:
        side, scatter = row[f"thickness_{state}_m"], row[f"thickness_{state}_sd_m"]
        whole = None if side is None else foil + sides * side
        return micrometres(whole, None if scatter is None else sides * scatter)

    computed = {
        "porosity, loaded (%)": percent(row["porosity_loaded"], row["porosity_loaded_sd"]),
        "porosity, released (%)": percent(row["porosity_released"], row["porosity_sd"]),
        "web thickness, loaded (µm)": web("loaded"),
        "web thickness, released (µm)": web("released"),
        "coating, one side, loaded (µm)": micrometres(row["thickness_loaded_m"], row["thickness_loaded_sd_m"]),
        "coating, one side, released (µm)": micrometres(row["thickness_released_m"], row["thickness_released_sd_m"]),
        "springback (% of loaded)": percent(row["springback"], row["springback_sd"]),
        "recovery (% of initial)": percent(row["recovery"], row["recovery_sd"]),
        "contacts of a particle, loaded": decimal(row["coordination"], 2),
        "broken binder bonds (%)": percent(row["broken_bond_fraction"]),
        "cracked share of volume (%)": NOT_JUDGED
        if card.fracture.criterion == "none"
        else percent(row["cracked_fraction"], row["cracked_fraction_sd"]),
        "lateral over axial stress": decimal(row["lateral_ratio"], 2),
        "replicas that reached it": f"{row['replicas_reached']} of {row['replicas']}",
    }
    for rolls in ("elastic", "rigid"):
        setting = nip_at(settings, stress, elastic=rolls == "elastic")
        if setting is not None:
            computed[f"line load, {rolls} rolls (N/mm)"] = significant(setting["line_load_N_per_m"], "N/mm")
            computed[f"set gap, {rolls} rolls (µm)"] = micrometres(setting["set_gap_m"])
    return [(f"{in_unit(stress, 'MPa'):.4g} MPa", computed), _published_column(card, stress)]


def published_at(card: Card, stress: float) -> Published | None:
    """Published state of a stress [Pa]; 0 is the state before calendering."""
    for point in card.published:
        if point.stress is not None and np.isclose(point.stress, stress, rtol=STRESS_TOLERANCE, atol=0.0):
            return point
    return None


def _published_column(card: Card, stress: float) -> tuple[str, dict[str, str]]:
    """Published values of a stress; they were measured on the released web, at a set gap of elastic rolls."""
    point = published_at(card, stress)
    if point is None:
        return UNPUBLISHED, {}
    return f"publ. {point.name:.{NAME_LENGTH}}", {
        "porosity, released (%)": percent(point.porosity),
        "web thickness, released (µm)": micrometres(point.thickness),
        "recovery (% of initial)": percent(point.recovery),
        "set gap, elastic rolls (µm)": micrometres(point.set_gap),
    }


def balance_grid(card: Card) -> Grid:
    """Volume balance of the recipe, and the thickness that it implies beside the published one."""
    answer = electrode_answer(card)
    names = {
        "active": "active material",
        "additive": "conductive graphite",
        "binder_domain_solids": "carbon and binder",
        "pores": "pores",
    }
    rows = [(names[name], f"{percent(share)} % of the coating") for name, share in answer["volume_fractions"].items()]
    origin = "from the recipe" if card.electrode.solid_density is None else "given in the card"
    known = _published_column(card, 0.0)[1].get("web thickness, released (µm)", ABSENT)
    published = "" if known == ABSENT else f", published {known}"
    rows += [
        ("solid density", f"{answer['solid_density_kg_per_m3']:.0f} kg/m³, {origin}"),
        ("coating thickness, one side", f"{micrometres(answer['coating_thickness_m'])} µm"),
        ("web thickness", f"{micrometres(answer['web_thickness_m'])} µm{published}"),
    ]
    return Grid("Volume balance before calendering", ("quantity", "value"), tuple(rows))


def ledger_grid(rows: list[dict[str, Any]]) -> Grid:
    """Where the work of the platens went until the stress was reached, in parts of it; what is left is not booked."""
    columns, rows = [], rows[-LEDGERS_A_GRID:]
    for row in rows:
        energies = {name: value or 0.0 for name, value in row["energies_loaded_J"].items()}
        work = energies.pop("work")
        shares = {name: value / work if work > 0.0 else None for name, value in energies.items()}
        left = None if work <= 0.0 else 1.0 - sum(energies.values()) / work
        parts = (decimal(share, 2, factor=100.0) for share in (*(shares[name] for name in LEDGER_ROWS), left))
        columns.append([f"{in_unit(work, 'nJ'):.4g}", *parts])
    labels = ("work of the platens (nJ a box)", *LEDGER_ROWS.values(), "not booked")
    headings = ("part of the work (%)", *(f"{in_unit(row['stress_Pa'], 'MPa'):.4g} MPa" for row in rows))
    return Grid("Where the work went", headings, tuple(zip(labels, *columns, strict=True)))


def fracture_grids(card: Card, pressed: Data) -> Iterator[Grid]:
    """Cracked share at each stress by all criteria, and by size at the largest; none where particles do not crush."""
    if not judges(pressed):
        return
    answer = criteria_answer(pressed)
    stresses = list(dict.fromkeys(row["stress_Pa"] for row in answer))[-STRESSES_A_GRID:]
    pressures = (in_unit(stress, "MPa") for stress in stresses)
    headings = [heading for pressure in pressures for heading in (f"{pressure:.4g} MPa, volume", "of particles")]
    rows = []
    for name in CRITERIA:
        mine = [row for stress in stresses for row in answer if (row["criterion"], row["stress_Pa"]) == (name, stress)]
        cells = [percent(row[key]) for row in mine for key in ("cracked_volume_fraction", "cracked_number_fraction")]
        rows.append((_criterion_label(card, name), *cells))
    if any(point.cracked_fraction is not None for point in card.published):
        known = [published_at(card, stress) for stress in stresses]
        cells = [cell for point in known for cell in (ABSENT, percent(point.cracked_fraction if point else None))]
        rows.append(("published", *cells))
    marked = "" if card.fracture.criterion == "none" else "; * the card's own"
    yield Grid(f"Cracked particles by criterion (%), side by side{marked}", ("criterion", *headings), tuple(rows))
    reached = pressed.tables["boxes"]["stress"][pressed.tables["boxes"]["reached"] == 1]
    if len(reached):
        yield _size_grid(card, pressed, float(reached.max()))


def _size_grid(card: Card, pressed: Data, stress: float) -> Grid:
    """Cracked share of the particles of each size after a stress."""
    classes = size_classes_of(pressed, stress)
    headings = tuple(f"{micrometres(diameter)} µm" for diameter in classes.diameter)
    rows = [("particles in all boxes", *(str(count) for count in classes.count))]
    for name, shares in zip(CRITERIA, classes.cracked):
        rows.append((_criterion_label(card, name), *(percent(share) for share in shares)))
    title = f"Cracked particles by size after {in_unit(stress, 'MPa'):.4g} MPa (%)"
    return Grid(title, ("criterion", *headings), tuple(rows))


def _criterion_label(card: Card, name: str) -> str:
    """Name of a criterion; which one the card follows, and which one is that of Sangrós Giménez et al. 2020."""
    label = CRITERION_NAMES[name] + (", as Sangrós 2020" if name == SANGROS_2020 else "")
    return label + (" *" if name == card.fracture.criterion else "")


NIP_HEADINGS = (
    "held, rolls", "load N/mm", "peak MPa", "set gap µm", "at load µm",
    "angle °", "exit µm", "springback %", "porosity %",
)  # fmt: skip


def nip_grid(card: Card, settings: list[dict[str, Any]]) -> Grid:
    """Every setting of the nip."""
    rows = tuple(
        (
            f"{_held(card, setting['name'])}, {'elastic' if setting['elastic_rolls'] else 'rigid'}",
            significant(setting["line_load_N_per_m"], "N/mm"),
            significant(setting["peak_pressure_Pa"], "MPa"),
            micrometres(setting["set_gap_m"]),
            micrometres(setting["loaded_gap_m"]),
            decimal(setting["nip_angle_rad"], 2, factor=180.0 / np.pi),
            micrometres(setting["exit_thickness_m"]),
            percent(setting["springback"]),
            percent(setting["porosity_mean"]),
        )
        for setting in settings
    )
    return Grid("Nip: what is held; exit, springback of the coating and porosity are behind it", NIP_HEADINGS, rows)


def _held(card: Card, name: str) -> str:
    """What a setting holds, with its value: the card's own, or the peak that it presses to."""
    calender = card.calender
    own = {
        "gap": f"gap {micrometres(calender.gap)} µm",
        "line_load": f"load {'' if calender.line_load is None else significant(calender.line_load, 'N/mm')} N/mm",
        "target_porosity": f"porosity {percent(calender.target_porosity)} %",
    }
    return own.get(name, name.replace("stress", "peak"))


def nip_settings(rolled: Data) -> list[dict[str, Any]]:
    """Answers of all settings."""
    return [nip_answer(rolled, row) for row in range(len(rolled.tables["settings"]["name"]))]

"""Particles replaced by pieces: what is conserved, what is bounded, and that a cascade is the same however run."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beds import BRITTLE, GRAIN, RIGID, digest, lay, loose_packing, spheres, with_bodies

from kalander.dem.bodies.material import rayleigh_time
from kalander.dem.bodies.state import Ensemble, sphere_volume
from kalander.dem.engine.bed import Bed
from kalander.dem.fracture.fracture import Fracture, random_rotations
from kalander.dem.fracture.fragments import FRAGMENT_COUNTS, fragment_set
from kalander.dem.fracture.growth import grown
from kalander.dem.fracture.replacement import replace_bodies
from kalander.dem.loading.press import Press
from kalander.dem.loading.record import LoadState, new_load
from kalander.dem.loading.run import lead

OVERLAP = 0.01


@pytest.fixture(scope="module")
def pressed(device) -> Ensemble:
    """Two boxes of glued spheres in motion, pressed until they bear load and some bonds have failed."""
    if device.precision != "f64":
        pytest.skip("conservation to 1e-12 is checked in f64")
    packings = [loose_packing(count, seed=count, glued=True) for count in (40, 60)]
    start = lay(packings, (GRAIN, RIGID), dt=0.0015, friction=0.4, binder=replace(BRITTLE, strength=0.5))
    chance = np.random.default_rng(4)
    start = with_bodies(start, velocity=chance.normal(0, 0.1, (100, 3)), spin=chance.normal(0, 0.2, (100, 3)))
    start = start.with_boxes(platen_velocity=np.array([[0.1, -0.5], [0.0, -0.6]]))
    bed = Bed(start, precision="f64", schedule="boxes")
    bed.advance([1200, 1000])
    return bed.ensemble()


@pytest.fixture(scope="module")
def broken(pressed):
    """The ensemble before, and after every fifth body was broken."""
    before = pressed
    rows = np.arange(0, 100, 5)
    turns = random_rotations(np.random.default_rng(5).random((len(rows), 3)))
    fresh = replace_bodies(
        before, rows, turns, fragment_set(14), np.array([40, 60]), overlap=OVERLAP, keep_bonds=True
    )  # fmt: skip
    assert len(fresh.refused) < len(rows) // 2
    return before, fresh


def motion(ensemble: Ensemble, box: int) -> dict[str, np.ndarray]:
    """Mass, first moment, linear momentum, angular momentum about the origin, heat and work of a box."""
    body = {name: column[ensemble.bodies_of(box)] for name, column in ensemble.bodies.items()}
    mass, radius = body["mass"][:, None], body["radius"][:, None]
    return {
        "mass": mass.sum(),
        "moment of mass": (mass * body["position"]).sum(axis=0),
        "momentum": (mass * body["velocity"]).sum(axis=0),
        "angular momentum": (
            np.cross(body["position"], mass * body["velocity"]) + 0.4 * mass * radius**2 * body["spin"]
        ).sum(axis=0),
        "force": body["force"].sum(axis=0),
        "heat": body["heat"].sum(),
        "work": body["work"].sum(),
    }


def test_replacement_conserves_mass_centre_and_momenta(broken) -> None:
    """To 1e-12: sums of some 300 terms, each with a few roundings."""
    before, fresh = broken
    for box in (0, 1):
        old, new = motion(before, box), motion(fresh.ensemble, box)
        scale = motion_scale(before, box)
        for name in old:
            assert np.abs(new[name] - old[name]).max() < 1e-12 * scale[name], name


def motion_scale(ensemble: Ensemble, box: int) -> dict[str, float]:
    """Sums of the sizes of the terms, of which signed sums are rounded."""
    body = {name: column[ensemble.bodies_of(box)] for name, column in ensemble.bodies.items()}
    speed, place = (np.linalg.norm(body[name], axis=1) for name in ("velocity", "position"))
    return {
        "mass": body["mass"].sum(),
        "moment of mass": (body["mass"] * place).sum(),
        "momentum": (body["mass"] * speed).sum(),
        "angular momentum": (body["mass"] * speed * place).sum(),
        "force": np.linalg.norm(body["force"], axis=1).sum(),
        "heat": np.abs(body["heat"]).sum(),
        "work": np.abs(body["work"]).sum(),
    }


def test_pieces_move_as_their_particle_did(broken) -> None:
    """v + ω × r at every centre; the spin alone makes up for the fines that no longer turn with the rim."""
    before, fresh = broken
    pieces, bodies = fresh.pieces, fresh.ensemble.bodies
    new, source = pieces.new, pieces.source[pieces.new]
    arm = bodies["position"][new] - before.bodies["position"][source]
    expected = before.bodies["velocity"][source] + np.cross(before.bodies["spin"][source], arm)
    assert bodies["velocity"][new] == pytest.approx(expected, abs=1e-13)
    faster = bodies["spin"][new] / before.bodies["spin"][source]
    assert (faster > 1.0).all()


def test_whole_bodies_keep_every_bit(broken) -> None:
    before, fresh = broken
    whole = ~fresh.pieces.new
    for name, column in fresh.ensemble.bodies.items():
        assert np.array_equal(column[whole], before.bodies[name][fresh.pieces.source[whole]]), name


def test_bodies_of_a_box_stay_together_and_numbers_stay_unique(broken) -> None:
    before, fresh = broken
    ensemble = fresh.ensemble
    gone = set(before.bodies["id"][fresh.pieces.broken & (before.bodies["box"] == 0)].tolist())
    for box in (0, 1):
        here = ensemble.bodies_of(box)
        assert (ensemble.bodies["box"][here] == box).all()
        ids = ensemble.bodies["id"][here]
        assert len(set(ids.tolist())) == len(ids)
        assert ids.max() < fresh.next_id[box]
    assert gone.isdisjoint(ensemble.bodies["id"][ensemble.bodies_of(0)].tolist())
    assert int(ensemble.boxes["body_count"].sum()) == len(ensemble.bodies["id"])
    for table in (ensemble.contacts, ensemble.bonds):
        order = np.lexsort((table["second"], table["first"]))
        assert np.array_equal(order, np.arange(len(order)))
        assert (table["first"] < table["second"]).all()


def test_pieces_overlap_no_more_than_stated(broken) -> None:
    """By a search of their own over all pairs and images, beside the platens; and they stay inside their particle."""
    before, fresh = broken
    ensemble, new, source = fresh.ensemble, fresh.pieces.new, fresh.pieces.source
    bodies = ensemble.bodies
    worst = 0.0
    for box in (0, 1):
        here = np.arange(len(source))[ensemble.bodies_of(box)]
        one, two = (here[side] for side in np.triu_indices(len(here), 1))
        pairs = new[one] | new[two]
        one, two = one[pairs], two[pairs]
        vector = bodies["position"][one] - bodies["position"][two]
        width = ensemble.boxes["width"][box]
        vector[:, :2] -= width * np.round(vector[:, :2] / width)
        radius = bodies["radius"]
        overlap = radius[one] + radius[two] - np.linalg.norm(vector, axis=1)
        worst = max(worst, float((overlap / np.minimum(radius[one], radius[two])).max()))
        low, high = ensemble.boxes["platen_height"][box]
        height = bodies["position"][here, 2]
        dent = radius[here] - np.minimum(height - low, high - height)
        worst = max(worst, float((dent / radius[here])[new[here]].max()))
    assert 0.5 * OVERLAP < worst < OVERLAP * (1.0 + 1e-9)
    arm = np.linalg.norm(bodies["position"][new] - before.bodies["position"][source[new]], axis=1)
    assert ((arm + bodies["radius"][new]) / before.bodies["radius"][source[new]]).max() < 1.0 + 1e-12


def test_overlap_energy_of_pieces_is_bounded_by_that_of_their_particles(broken) -> None:
    _, fresh = broken
    assert (fresh.energy_after > 0.0).all()
    assert (fresh.energy_after < fresh.energy_before).all()


@pytest.mark.parametrize("keep_bonds", [True, False])
def test_bonds_go_on_at_the_nearest_piece(pressed, keep_bonds) -> None:
    """A bonded pair; the bond of the broken one goes to the piece nearest to the other, unloaded, or fails."""
    before = pressed
    row = int(before.bonds["first"][before.bonds["intact"] == 1][0])
    mine = (before.bonds["first"] == row) | (before.bonds["second"] == row)
    fresh = replace_bodies(
        before, np.array([row]), np.eye(3)[None], fragment_set(20), np.array([40, 60]),
        overlap=OVERLAP, keep_bonds=keep_bonds,
    )  # fmt: skip
    after, bodies = fresh.ensemble.bonds, fresh.ensemble.bodies
    assert len(after["first"]) == len(before.bonds["first"])
    moved = fresh.pieces.new[after["first"]] | fresh.pieces.new[after["second"]]
    assert moved.sum() == mine.sum() > 0
    assert after["intact"][moved].sum() == keep_bonds * before.bonds["intact"][mine].sum()
    for one, two, length in zip(after["first"][moved], after["second"][moved], after["length"][moved]):
        piece, other = (one, two) if fresh.pieces.new[one] else (two, one)
        pieces = np.flatnonzero(fresh.pieces.new)
        vector = bodies["position"][pieces] - bodies["position"][other]
        width = fresh.ensemble.boxes["width"][bodies["box"][other]]
        vector[:, :2] -= width * np.round(vector[:, :2] / width)
        distance = np.linalg.norm(vector, axis=1)
        assert piece == pieces[np.argmin(distance - bodies["radius"][pieces])]
        assert length == pytest.approx(distance[pieces == piece][0], rel=1e-14)
    assert not after["shear"][moved].any()
    held = fresh.pieces.source[after["first"][~moved]], fresh.pieces.source[after["second"][~moved]]
    assert np.array_equal(held[0], before.bonds["first"][~mine])
    assert np.array_equal(after["shear"][~moved], before.bonds["shear"][~mine])


@pytest.mark.parametrize("count", FRAGMENT_COUNTS)
def test_pieces_of_a_free_sphere_stay_at_rest(make_bed, count) -> None:
    """Nothing drives them apart: tangent spheres, no overlap, all at the velocity of the particle."""
    start = lay([spheres([[4.0] * 3], 1.0, width=8.0, height=8.0)], (GRAIN, RIGID), dt=1e-3)
    turn = random_rotations(np.array([[0.2, 0.4, 0.9]]))
    fresh = replace_bodies(
        start, np.array([0]), turn, fragment_set(count), np.array([1]), overlap=0.0, keep_bonds=True
    ).ensemble  # fmt: skip
    bed = make_bed(fresh)
    bed.advance([500])
    # tangent to rounding: an overlap of 1e-16 µm would push with 1e-21 µN
    assert np.abs(bed.body("velocity")).max() < 1e-12
    assert fresh.bodies["mass"].sum() == pytest.approx(start.bodies["mass"][0], rel=1e-15)


# --- a cascade --------------------------------------------------------------------------------------------------------

WEAK = [replace(GRAIN, strength=7.0, strength_diameter=2.0, strength_exponent=-0.5), RIGID]
DT = 0.15 * rayleigh_time(GRAIN, 0.7)
SETTINGS = Press(
    speed=0.5, inertial_number=8e-3, release_stress=0.1, max_strain=0.3, time_step=DT, stress_floor=0.05,
    least_radius=0.7,
    fracture=Fracture(mode="replace", modulus=5.6, generations=2, seed=3, replicas=(0, 0, 1)),
)  # fmt: skip
TARGET = np.array([3.0, 3.0, 3.0])


def packed(order=(0, 1, 2)) -> LoadState:
    """Boxes 0 and 1 hold the same 30 glued spheres, box 2 others."""
    packings = [loose_packing(count, seed=count, glued=True) for count in (30, 30, 24)]
    chosen = [packings[box] for box in order]
    solid = np.array([sphere_volume(packing.radius).sum() for packing in chosen])
    ensemble = lay(chosen, tuple(WEAK), dt=DT, friction=0.3, binder=replace(BRITTLE, strength=3.0, shear_strength=3.0))
    return new_load(ensemble, solid_volume=solid)


def run(state: LoadState, precision: str, *, settings=SETTINGS, schedule="boxes", look=lambda moment: None):
    """The final state; `look` sees every moment."""
    generator = lead(
        state, settings.path(TARGET[: state.ensemble.box_count]), materials=WEAK, precision=precision, schedule=schedule
    )
    while True:
        try:
            look(next(generator))
        except StopIteration as done:
            return done.value


def fingerprint(state: LoadState) -> str:
    """Digest of all that the next step depends on, with damage, protocol and frames."""
    tables = {**state.damage, **{f"p {k}": v for k, v in state.progress.items()}}
    frames = {f"f {k}": v for k, v in state.frames.items()}
    return digest(state.ensemble) + digest(replace(state.ensemble, bodies={**tables, **frames}))


@pytest.fixture(scope="module")
def cascade(device):
    """Final state, and the number of bodies after every interval with a snapshot of each."""
    sizes, snapshots = [], []

    def look(moment) -> None:
        snapshot = moment.snapshot()
        sizes.append(len(snapshot.ensemble.bodies["id"]))
        snapshots.append(snapshot)

    final = run(packed(), device.precision, look=look)
    return final, np.array(sizes), snapshots


def test_particles_break_into_pieces_that_break(cascade) -> None:
    final, sizes, _ = cascade
    assert (np.diff(sizes) > 0).sum() > 5
    assert (np.bincount(final.damage["generation"], minlength=3)[1:] > 13).all()
    frames = final.frames
    assert (frames["pieces"][frames["box"] == 0] > 0).any()
    rounding = 1e-14  # pieces share out what their particle stood for
    assert (np.diff(frames["cracked_fraction"][frames["box"] == 1]) >= -rounding).all()


def test_ledger_with_fracture_closes_within_half_a_percent(cascade) -> None:
    """Work = elastic + kinetic + heat + fracture. The rest is of the step and of springs that friction winds."""
    frames = cascade[0].frames
    assert np.abs(frames["energy_error"]).max() < 5e-3
    last = [np.flatnonzero(frames["box"] == box)[-1] for box in range(3)]
    work = np.array([cascade[0].ensemble.bodies["work"][cascade[0].ensemble.bodies_of(box)].sum() for box in range(3)])
    assert (frames["fracture_energy"][last] > 0.02 * work).all()  # without it the ledger would stand open
    assert (frames["piece_energy"][last] < 0.1 * frames["fracture_energy"][last]).all()


def test_material_is_neither_lost_nor_made(device, cascade) -> None:
    """Mass of the boxes, and the bulk each body stands for, after hundreds of pieces."""
    tolerance = {"f64": 1e-13, "f32": 1e-7}[device.precision]  # a few roundings of each mass, of either sign
    final, start = cascade[0], packed().ensemble
    for box in range(3):
        here = final.ensemble.bodies_of(box)
        before = start.bodies["mass"][start.bodies_of(box)].sum()
        assert final.ensemble.bodies["mass"][here].sum() == pytest.approx(before, rel=tolerance)
        assert final.damage["bulk"][here].sum() == pytest.approx(before / GRAIN.density, rel=tolerance)


@pytest.mark.slow
def test_cascade_goes_on_from_its_middle_as_if_never_stopped(device, cascade) -> None:
    """From snapshots just before, in, and just after intervals in which pieces came, and from one at random."""
    final, sizes, snapshots = cascade
    events = np.flatnonzero(np.diff(sizes) > 0)
    middle = int(events[len(events) // 2])
    for stop in {middle, middle + 1, int(np.random.default_rng(2).integers(len(sizes)))}:
        assert fingerprint(run(snapshots[stop], device.precision)) == fingerprint(final)


def test_schedule_changes_nothing(device, cascade) -> None:
    """The other schedule over the intervals about the first three fractures."""
    _, sizes, snapshots = cascade
    events = np.flatnonzero(np.diff(sizes) > 0)
    begin, end = int(events[0]) - 1, int(events[2]) + 2
    moments = lead(
        snapshots[begin], SETTINGS.path(TARGET), materials=WEAK, precision=device.precision, schedule="bodies"
    )
    *_, last = itertools.islice(moments, end - begin)
    assert fingerprint(last.snapshot()) == fingerprint(snapshots[end])


@pytest.mark.slow
def test_looking_on_changes_nothing(device, cascade) -> None:
    """The reference took a snapshot in every interval."""
    assert fingerprint(run(packed(), device.precision)) == fingerprint(cascade[0])


@pytest.mark.slow
def test_boxes_break_alone(device, cascade) -> None:
    """The third box by itself, with the replica it has in the batch."""
    final = cascade[0]
    settings = replace(SETTINGS, fracture=replace(SETTINGS.fracture, replicas=(1,)))
    alone = run(packed((2,)), device.precision, settings=settings)
    here = final.ensemble.bodies_of(2)
    for name, column in alone.ensemble.bodies.items():
        if name != "box":
            assert np.array_equal(column, final.ensemble.bodies[name][here]), name
    mine = final.frames["box"] == 2
    assert all(
        np.array_equal(alone.frames[name], final.frames[name][mine], equal_nan=True)
        for name in alone.frames
        if name != "box"
    )


def test_equal_boxes_break_alike(cascade) -> None:
    """Boxes 0 and 1 are one packing with one draw of strengths: in a study, the same particles at every stress."""
    frames = cascade[0].frames
    one, two = (frames["box"] == box for box in (0, 1))
    assert frames["pieces"][one][-1] > 0
    assert all(np.array_equal(frames[name][one], frames[name][two], equal_nan=True) for name in frames if name != "box")


CHILD = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_fracture import fingerprint, packed, run
print(json.dumps(fingerprint(run(packed(), device.precision))))
"""


@pytest.mark.slow
def test_number_of_threads_does_not_change_a_cascade(device, cascade, in_child) -> None:
    """Three threads: the reference has one or two."""
    source = CHILD.format(tests=str(Path(__file__).parents[1]), here=str(Path(__file__).parent))
    assert in_child(source, precision=device.precision, threads=3) == fingerprint(cascade[0])


def test_arrays_of_a_bed_are_taken_over(make_bed, pressed) -> None:
    """A bed laid anew in the arrays of another goes on as in arrays of its own, although these are used up and grow."""
    fresh = replace_bodies(
        pressed, np.arange(0, 100, 3), random_rotations(np.random.default_rng(8).random((34, 3))), fragment_set(14),
        np.array([40, 60]), overlap=OVERLAP, keep_bonds=True,
    ).ensemble  # fmt: skip
    own = make_bed(fresh)
    heir = Bed(fresh, precision="f64", schedule="boxes", heir_of=make_bed(pressed))
    held = {name: array.shape[0] for name, array in heir.pool.arrays.items()}
    for each in (own, heir):
        each.advance([60, 60])
    assert digest(own.ensemble()) == digest(heir.ensemble())
    assert held["motion"] > len(fresh.bodies["id"])  # room for the next pieces
    again = Bed(heir.ensemble(), precision="f64", schedule="boxes", heir_of=heir)
    assert again.pool.arrays["motion"].shape[0] == held["motion"]  # nothing is allocated where there is room


# --- growth -----------------------------------------------------------------------------------------------------------


def spun(device, *, growing: int = 14) -> tuple[Bed, np.ndarray]:
    """A bed of the pieces of a spinning sphere that floats, but for one piece wedged under the upper platen."""
    start = with_bodies(
        lay([spheres([[4.0, 4.0, 4.0]], 1.0, width=8.0, height=5.001)], (GRAIN, RIGID), dt=1e-3), spin=[[0.0, 0.2, 0.1]]
    )
    fresh = replace_bodies(
        start, np.array([0]), np.eye(3)[None], fragment_set(14), np.array([1]), overlap=OVERLAP, keep_bonds=True
    ).ensemble  # fmt: skip
    target = np.where(np.arange(14) < growing, 1.24 * fresh.bodies["radius"], 0.0)
    return Bed(fresh, precision=device.precision, schedule="boxes"), target


def test_growth_stops_at_the_stated_overlap_and_keeps_angular_momentum(device, make_bed) -> None:
    """Pieces that touch on all sides: each grows by half of what is allowed, in one go and never again."""
    bed, target = spun(device)
    before = bed.ensemble()
    after, changed = grown(bed, target, np.array([True]), rate=0.05, overlap=OVERLAP)
    assert changed.tolist() == [True]
    radius = after.bodies["radius"]
    growth = radius / before.bodies["radius"]
    assert ((growth > 1.002) & (growth < 1.0 + OVERLAP)).all()
    one, two = np.triu_indices(14, 1)
    distance = np.linalg.norm(after.bodies["position"][one] - after.bodies["position"][two], axis=1)
    overlap = (radius[one] + radius[two] - distance) / np.minimum(radius[one], radius[two])
    assert 0.9 * OVERLAP < overlap.max() <= OVERLAP
    # contacts are those that overlap, so that the energy of growth is seen at once
    known = set(zip(after.contacts["first"].tolist(), after.contacts["second"].tolist()))
    assert {pair for pair, deep in zip(zip(one.tolist(), two.tolist()), overlap) if deep > 1e-9} <= known
    old, new = motion(before, 0), motion(after, 0)
    for name in ("mass", "momentum", "angular momentum"):
        assert new[name] == pytest.approx(old[name], rel=1e-13, abs=1e-13), name
    heir = Bed(after, precision="f64", schedule="boxes", heir_of=bed)
    assert grown(heir, target, np.array([True]), rate=0.05, overlap=OVERLAP) is None


def test_growth_ends_at_its_goal_and_leaves_others_alone(device, make_bed) -> None:
    """A piece with room, far from others, takes its rate's share a time, and then what is left."""
    packing = spheres([[2.0, 2.0, 2.0], [6.0, 6.0, 2.0]], [0.5, 1.0], width=8.0, height=5.0)
    bed = Bed(lay([packing], (GRAIN, RIGID), dt=1e-3), precision="f64", schedule="boxes")
    target, sizes = np.array([0.54, 0.0]), []
    while (found := grown(bed, target, np.array([True]), rate=0.03, overlap=OVERLAP)) is not None:
        sizes.append(found[0].bodies["radius"].tolist())
        bed = Bed(found[0], precision="f64", schedule="boxes", heir_of=bed)
    assert [size[0] for size in sizes] == pytest.approx([0.515, 0.515 + 0.02 * 0.7575, 0.54])
    assert all(size[1] == 1.0 for size in sizes)
    assert grown(bed, np.array([0.6, 0.0]), np.array([False]), rate=0.03, overlap=OVERLAP) is None

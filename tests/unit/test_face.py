"""The public face: its names and how fast it loads, cards and materials in Python, beds, curves, closures; no files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kalander.runs as kal
from kalander.coupling.results.means import Mean
from kalander.kernels.errors import InputError
from kalander.runs.reference.api import api_pages
from kalander.runs.studies.short.press_own_spheres import loose_spheres

NOUNS = {
    "Card", "Material", "Packing", "Path", "Leg", "Curve", "Closure", "Web", "Rolls", "Pass", "NipResult",
    "Microstructure", "TransportResult", "Study", "Device",
}  # fmt: skip
VERBS = {"load_card", "start", "pack", "compress", "fit_closure", "roll", "measure", "run", "resume", "report"}
SOFT = {"modulus": "14 GPa", "poisson": 0.3, "density": "4.7 g/cm^3", "restitution": 0.3}


@pytest.fixture(scope="module")
def bed() -> kal.Packing:
    """27 spheres, loose."""
    position, radius, box = loose_spheres(3)
    return kal.Packing(position=position, radius=radius, box_size=box, material=kal.Material(**SOFT))


@pytest.fixture(scope="module")
def curve(device, bed) -> kal.Curve:
    """Two frictions, each to two stresses and back, as fast as a test wants it."""
    beds = [bed.with_values({"contact.friction": friction}) for friction in (0.1, 0.5)]
    path = kal.Path.press_and_release([4e6, "8 MPa"], inertial_number=2e-2, release_stress="0.5 MPa")
    return kal.compress(beds, path, device=device)


def test_the_face_is_complete_and_every_name_has_one_home() -> None:
    assert set(kal.__all__) >= NOUNS | VERBS
    assert len(kal.__all__) <= 50  # each verb that computes is a function, each noun that it takes or gives a class
    for name in kal.__all__:
        assert getattr(kal, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'Cards'"):
        _ = kal.Cards


def test_importing_it_loads_next_to_nothing() -> None:
    """Below 0.1 s on a quiet machine; here by what it loads, and by a time that a busy one keeps too."""
    source = (
        "import sys, time, json\nbegun = time.perf_counter()\nimport kalander.runs as kal\n"
        "took = time.perf_counter() - begun\nkal.Card, kal.Leg\n"
        "print(json.dumps([took, [name for name in ('taichi', 'quadrants', 'matplotlib') if name in sys.modules]]))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    took, loaded = json.loads(done.stdout)
    assert loaded == []
    assert took < 0.1


def test_the_help_of_the_command_is_quick() -> None:
    """Below 0.5 s of a processor, whatever else the machine does."""
    source = (
        "import sys, time\nfrom kalander.runs.launch import main\nsys.argv = ['kalander', '--help']\n"
        "import atexit\natexit.register(lambda: print('took', time.process_time()))\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert "transport" in done.stdout
    assert float(done.stdout.rsplit("took", 1)[1]) < 0.5


# --- cards and materials ----------------------------------------------------------------------------------------------


def test_values_of_a_card_are_si_numbers_or_texts_and_faults_come_together() -> None:
    card = kal.load_card("nmc111")
    other = card.with_values({"press.stress": [20e6, "160 MPa"], "binder.modulus": "0.4 GPa", "boxes.replicas": 2})
    assert other.press.stress == (20e6, 160e6)
    assert other.binder.modulus == 0.4e9
    assert card.with_values({}) == card
    assert kal.load_card("graphite").with_values({}) == kal.load_card("graphite")
    with pytest.raises(InputError) as refused:
        card.with_values({"press.stres": [1.0], "binder.modulus": "-1 GPa", "boxes.width": "3 s"})
    assert [fault.where for fault in refused.value.faults] == [
        "Card.binder.modulus",
        "Card.boxes.width",
        "Card.press.stres",
    ]
    assert "did you mean 'stress'" in str(refused.value)


def test_a_material_is_made_of_numbers_and_texts() -> None:
    assert kal.Material(modulus=np.float64(14e9), poisson=0.3, density=4700) == kal.Material(
        modulus="14 GPa", poisson=0.3, density="4.7 g/cm^3"
    )
    assert kal.Material(name="nmc111", modulus="100 GPa").strength is not None
    with pytest.raises(InputError, match=r"Material\.modulus.*\n.*Material\.poisson"):
        kal.Material(modulus=-1.0, poisson=0.7, density=4700)


# --- beds and paths ---------------------------------------------------------------------------------------------------


def test_what_is_no_packing_is_refused(bed) -> None:
    inside = bed.position.copy()
    inside[1] = inside[0]
    for wrong in ({"position": inside}, {"radius": -bed.radius}, {"box_size": bed.box_size / 100}, {"repeats": "z"}):
        with pytest.raises(InputError, match="Packing"):
            kal.Packing(**{"position": bed.position, "radius": bed.radius, "box_size": bed.box_size,
                           "material": "nmc111", **wrong})  # fmt: skip
    with pytest.raises(InputError, match="unknown key"):
        bed.with_values({"contacts.friction": 0.1})
    with pytest.raises(InputError, match="leads nowhere"):
        kal.Path()


def test_a_packing_comes_back_from_its_file(bed, tmp_path) -> None:
    read = kal.Packing.read(bed.save(tmp_path / "bed"), material=bed.material)
    assert np.array_equal(read.position, bed.position)
    assert np.array_equal(read.radius, bed.radius)


def test_beds_of_one_batch_differ_by_their_friction(curve) -> None:
    assert curve.count == 4
    assert curve.boxes["reached"].tolist() == [1, 1, 1, 1]
    assert curve.stresses == (4e6, 8e6)
    slippery, rough = curve.loaded(8e6).porosity.values
    assert slippery < rough
    assert curve.released(8e6).porosity > curve.loaded(8e6).porosity
    assert 0.0 < curve.released(4e6).springback < 0.3


def test_a_bed_alone_and_in_a_batch_is_pressed_to_the_same_bits(device, bed, curve) -> None:
    path = kal.Path.press_and_release([4e6, 8e6], inertial_number=2e-2, release_stress=5e5)
    alone = kal.compress(bed.with_values({"contact.friction": 0.5}), path, device=device)
    for box, other in ((0, 1), (1, 3)):
        mine, same = alone.of(box), curve.of(other)
        assert all(np.array_equal(mine[name], same[name], equal_nan=True) for name in mine if name != "box")


def test_a_mean_is_a_number_with_its_scatter(curve) -> None:
    porosity = curve.released(4e6).porosity
    assert isinstance(porosity, float)
    assert porosity == pytest.approx(porosity.values.mean())
    assert porosity.scatter == pytest.approx(porosity.values.std(ddof=1))
    assert "±" in str(porosity)
    assert np.isnan(Mean([1.0]).scatter)
    with pytest.raises(AttributeError, match="no column"):
        _ = curve.released(4e6).porositie
    with pytest.raises(InputError, match="reached by no box"):
        curve.released(5e6)


def test_legs_lead_beds_between_platens_and_without(device, bed) -> None:
    path = [kal.Leg(speed="2 m/s", until={"stress": "2 MPa"}), kal.Leg(speed=-2.0, until={"stress": 2e5})]
    led = kal.compress(bed, path, device=device)
    assert led.loaded(2e6).pressure >= 2e6 * (1 - 1e-3)
    cell = kal.compress(
        bed.periodic(), kal.Path([kal.Leg(rate=5e4, until={"solid_fraction": 0.5}),
                                  kal.Leg(rate={"xz": 5e4}, until={"strain_xz": 0.05})]), device=device,
    )  # fmt: skip
    assert cell.frames["strain_xz"][-1] == pytest.approx(0.05, abs=1e-3)
    assert cell.boxes["reached"].tolist() == [1]
    assert cell.beds[0].solid_fraction == pytest.approx(0.5, abs=0.01)
    with pytest.raises(InputError, match="plat"):
        kal.compress(bed.periodic(), path, device=device)
    with pytest.raises(InputError, match="a closure is fitted to releases"):
        kal.fit_closure(led)


def test_a_curve_is_stored_drawn_and_shown(curve, tmp_path) -> None:
    back = kal.Curve.load(curve.save(tmp_path / "curve.h5"))
    assert all(np.array_equal(back.frames[name], values, equal_nan=True) for name, values in curve.frames.items())
    assert (tmp_path / curve.save(tmp_path / "curve.csv").name).read_text().startswith("box,leg,step,time")
    axes = curve.plot()
    assert axes.get_ylabel() == "pressure (MPa)"
    assert len(axes.lines) == 4
    assert "springback" in curve._repr_html_()
    assert "<td>" in curve.released(8e6)._repr_html_()
    assert "spheres" in curve.beds[0]._repr_html_()
    assert curve.beds[0].plot().get_xlabel() == "x (µm)"


# --- closures and nips ------------------------------------------------------------------------------------------------


def test_a_closure_is_fitted_stored_and_rolled(curve, tmp_path) -> None:
    closure = kal.fit_closure(curve)
    assert closure.pressure_at(closure.curve["strain"])[-1] == pytest.approx(8e6, rel=0.1)
    again = kal.Closure.load(closure.save(tmp_path / "closure.h5"))
    assert again.curve["pressure"] == pytest.approx(closure.curve["pressure"])
    layer = kal.Layer(thickness="60 um", porosity=closure.porosity, closure=closure)
    web = kal.Web(layer=layer, foil={"thickness": "15 um", "material": "rigid"})
    nip = kal.roll(web, kal.Rolls(diameter="400 mm"), kal.Pass(peak_pressure="6 MPa"))
    assert nip.peak_pressure == pytest.approx(6e6, rel=1e-6)
    assert "line load" in nip._repr_html_()
    for drawn in (closure.plot(), nip.plot()):
        assert drawn.get_ylabel() == "pressure (MPa)"
    assert "p (MPa)" in closure._repr_html_()


def test_an_array_and_a_bed_are_measured(device, curve) -> None:
    layers = np.zeros((8, 8, 8), np.uint8)
    layers[:4] = 1
    result = kal.measure(layers, voxel="1 um", device=device)
    assert result.tortuosity("z") == pytest.approx(1.0, abs=1e-5)
    assert result.porosity == 0.5
    assert np.isnan(result.tortuosity("x"))
    beds = kal.measure(curve, voxel=2e-6, axis="z", device=device)
    # of the spheres alone, as the frames count them; overlaps count once in voxels
    assert beds.at(4e6).porosity == pytest.approx(float(curve.released(4e6).porosity), abs=0.01)
    assert (beds.states["tortuosity"][:, 2] > 1.0).all()
    assert "tortuosity" in beds.plot().get_ylabel()
    with pytest.raises(InputError):
        kal.measure(layers.astype(float) / 3, voxel="1 um")


def test_pandas_is_not_needed_before_it_is_asked_for(curve) -> None:
    pandas = pytest.importorskip("pandas")
    frame = curve.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert {"pressure", "porosity", "height"} <= set(frame.columns)


def test_commands_are_files_and_each_is_in_the_help() -> None:
    from kalander.runs import cli

    names = {path.stem for path in (Path(cli.__file__).parent / "command").rglob("[!_]*.py")}
    single = {command.callback.__name__ for command in cli.app.registered_commands}
    assert single | {group.name for group in cli.app.registered_groups} == names


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"stiffness_scale": float("nan")}, "stiffness_scale"),
        ({"stiffness_scale": 0}, "stiffness_scale"),
        ({"stiffness_scale": "a"}, "stiffness_scale"),
        ({"solid_volume": -1.0}, "solid_volume"),
        ({"largest_overlap": float("nan")}, "largest_overlap"),
        ({"radius": "5 um"}, "radius"),
        ({"radius": np.ones(5)}, "radius"),
        ({"position": None}, "position"),
        ({"position": np.zeros(9)}, "position"),
        ({"type": np.full(2, 0.5)}, "type"),
        ({"box_size": "40 um"}, "box_size"),
        ({"material": []}, "material"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_packing_is_refused_by_its_name(change, where) -> None:
    sound = {
        "position": np.array([[1e-5, 1e-5, 1e-5], [3e-5, 3e-5, 3e-5]]), "radius": 5e-6, "box_size": [4e-5, 4e-5, 4e-5],
        "material": kal.Material(modulus="1 GPa", poisson=0.3, density="2 g/cm^3"),
    }  # fmt: skip
    assert kal.Packing(**sound).radius.shape == (2,)
    with pytest.raises(InputError, match=rf"Packing\.{where}"):
        kal.Packing(**sound | change)


def test_no_bed_is_pressed_with_a_reason() -> None:
    with pytest.raises(InputError, match="no packings"):
        kal.compress([], kal.Path([kal.Leg(speed=1, until={"steps": 5})]))


# --- calls that are none ----------------------------------------------------------------------------------------------

NO_CALLS = {
    "load_card: path_or_name": lambda: kal.load_card(None),
    "load_card: overrides": lambda: kal.load_card("nmc111", overrides=3),
    "with_values: values": lambda: kal.load_card("nmc111").with_values(None),
    "Path.of: card": lambda: kal.Path.of("nmc111"),
    "Path: legs": lambda: kal.Path([3]),
    "Leg.until": lambda: kal.Leg(rate=3),
    "pack: card": lambda: kal.pack(5),
    "compress: beds": lambda: kal.compress(3, kal.Path.press_and_release(2e7)),
    "fit_closure: curve": lambda: kal.fit_closure(None),
    "stiffness: beds": lambda: kal.stiffness(None),
    "roll: web": lambda: kal.roll(None, None, None),
    "Web.of: card": lambda: kal.Web.of(None, None),
    "Rolls.of: card": lambda: kal.Rolls.of(None),
    "Pass.line_load": lambda: kal.Pass(line_load="x"),
    "measure": lambda: kal.measure(axis=7),
    "measure: axis": lambda: kal.measure(np.ones((3, 3, 3), int), voxel=1e-6, axis=7),
    "voxel": lambda: kal.measure(np.ones((3, 3, 3), int), voxel="x"),
    "bend_rolls: case": lambda: kal.bend_rolls("x"),
    "Closure.load: path": lambda: kal.Closure.load(None),
    "Closure.of: stored": lambda: kal.Closure.of(None),
    "pressure_at: strain": lambda: kal.Closure.power("6 MPa", 9, "6 GPa").pressure_at("x"),
    "Study.open: folder": lambda: kal.Study.open(None),
    "run: card": lambda: kal.run(None, "a"),
    "run": lambda: kal.run("nmc111"),
    "resume: folder": lambda: kal.resume(None),
    "report: study": lambda: kal.report(None),
    "read_spectrum: path": lambda: kal.read_spectrum(None),
    "infer: spectra": lambda: kal.infer(None, None, None),
    "infer: electrodes": lambda: kal.infer([kal.Spectrum([2.0, 1.0], [1 - 1j, 1 - 2j])], [], kal.Electrolyte(0.1)),
    "Spectrum: frequency": lambda: kal.Spectrum(None, None),
    "Spectrum": lambda: kal.Spectrum([1, 2], [1]),
    "Electrode: porosity": lambda: kal.Electrode("a", 1e-6, 1e-4),
    "Electrolyte: conductivity": lambda: kal.Electrolyte(None),
    "device": lambda: kal.start(3),
}


@pytest.mark.parametrize("where", NO_CALLS)
def test_a_call_that_is_none_is_a_fault_that_names_the_argument(where) -> None:
    with pytest.raises(InputError) as caught:
        NO_CALLS[where]()
    assert where in caught.value.faults[0].where
    assert "--" not in str(caught.value)


def test_a_curve_is_asked_for_what_it_has(curve) -> None:
    for where, ask in {
        "Curve.released: stress": lambda: curve.released("x"),
        "Curve.loaded: stress": lambda: curve.loaded(None),
        "Curve.plot: x": lambda: curve.plot("bogus"),
        "Curve.plot: y": lambda: curve.plot("strain", "presure"),
    }.items():
        with pytest.raises(InputError, match=where):
            ask()
    with pytest.raises(InputError, match="did you mean 'pressure'"):
        curve.plot("strain", "presure")


def test_an_axis_that_was_not_measured_is_said(device) -> None:
    measured = kal.measure(np.ones((3, 3, 3), int), voxel=1e-6, axis="z")
    assert float(measured.tortuosity("z")) == pytest.approx(1.0)
    for ask in (measured.tortuosity, measured.macmullin, measured.effective_ratio):
        with pytest.raises(InputError, match="was not measured"):
            ask("x")
    with pytest.raises(InputError, match="is no axis"):
        measured.tortuosity("w")
    with pytest.raises(InputError, match="sigma"):
        measured.conductivity()


def test_no_module_of_the_folder_hides_a_name_of_the_face() -> None:
    """A submodule becomes an attribute of its package when it is first imported, and would stand before the name."""
    folder = Path(kal.__file__).parent
    assert not {path.stem for path in folder.iterdir()} & set(kal.__all__)


def test_the_api_pages_hold_every_name_of_the_face(tmp_path: Path) -> None:
    page = api_pages(tmp_path).read_text()
    assert all(f'id="{name}"' in page for name in kal.__all__)
    assert "Raises InputError" in page

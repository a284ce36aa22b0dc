"""The report shows the numbers that are stored, draws what is there, says what is not, and needs no other file."""

import json
import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from made_up import HEIGHT, IDENTITY, LOADED, RELEASED, SHIFT, STRESSES, THICKNESS, all_results, write_study
from matplotlib.image import imread

from kalander.coupling.cards.card import card_to_dict, load_card
from kalander.coupling.results.answers import sizes_answer, transport_answer
from kalander.coupling.results.fracture import criteria_answer, number_shares, size_classes_of
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.results.study import Study
from kalander.coupling.results.validity import validity_answer
from kalander.coupling.stages.chain import card_stages
from kalander.coupling.store.store import Data, load, write
from kalander.coupling.structure.measured_law import transport_closure
from kalander.kernels.errors import CheckpointError, InputError
from kalander.runs.page.figures import Branch, mean_over_replicas
from kalander.runs.page.measured_tables import sizes_grid, transport_grid
from kalander.runs.page.packing_figure import bed_before, bed_pressed, picture_of, view_of
from kalander.runs.page.render import Hits, Scene, View, cast, images_in_box, open_sky, view_from
from kalander.runs.page.report import drawn_already, write_report
from kalander.runs.page.tables import published_at, summarise
from kalander.runs.shell.terminal import print_summary, summary_text


@pytest.fixture(scope="module")
def card():
    return load_card("nmc111", overrides={"boxes.replicas": "2", "press.stress": '["19.82 MPa", "159.37 MPa"]'})


@pytest.fixture(scope="module")
def results():
    """Made-up results of every stage: two replicas of 2 x 2 x 4 spheres, two stresses."""
    return all_results()


@pytest.fixture(scope="module")
def study(card, results, tmp_path_factory):
    """The folder of a finished study with its report."""
    folder = tmp_path_factory.mktemp("studies") / "whole"
    write_study(folder, card, results)
    write_report(Study.open(folder))
    return folder


def test_a_page_that_holds_what_the_study_holds_is_not_drawn_again(card, results, tmp_path):
    """A finished study that is run again draws nothing; another card, another result or a lost figure draws all."""
    folder = tmp_path / "study"
    write_study(folder, card, results)
    assert not drawn_already(Study.open(folder))
    write_report(Study.open(folder))
    assert drawn_already(Study.open(folder))
    assert not drawn_already(Study(card.with_values({"press.stress": ["30 MPa"]}), folder))
    figure = folder / "figures" / "compaction.png"
    kept = figure.read_bytes()
    figure.unlink()
    assert not drawn_already(Study.open(folder))
    figure.write_bytes(kept)
    (folder / "nip.h5").unlink()
    assert not drawn_already(Study.open(folder))


def scene_of(centre, radius, *, width=(20.0, 20.0), height=20.0):
    centre = np.array(centre, float)
    return Scene(centre, np.array(radius, float), np.full((len(centre), 3), 0.5), width, height, 1.0, 0.0)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (28.0, 14.0), (-50.0, 35.0)])
def test_depth_and_normal_of_one_sphere_are_those_of_the_closed_form(azimuth, elevation):
    centre, radius = np.array([10.0, 10.0, 20.0]), 3.0
    axes = view_from(azimuth, elevation)
    right, up, forward = axes @ centre
    view = View(axes, (right - 4, right + 4, up - 4, up + 4), 10.0)
    hits = cast(scene_of([centre], [radius], height=40.0), view)
    across, upward = view.grid()
    off = (across - right) ** 2 + (upward[:, None] - up) ** 2
    ball = hits.owner == 0
    # a ring of the width of a pixel is left to rounding at the rim
    assert ball[off < (radius - 0.1) ** 2].all()
    assert not ball[off > radius**2].any()
    # rounding of coordinates near 20 under a square root: 1e-15 x 20 over a half chord above 0.1
    assert hits.depth[ball] == pytest.approx(forward - np.sqrt(radius**2 - off[ball]), abs=1e-9)
    assert hits.normal[ball] == pytest.approx((hits.point[ball] - centre) / radius, abs=1e-12)
    assert np.linalg.norm(hits.normal[ball], axis=1) == pytest.approx(1.0, abs=1e-9)


def test_axes_of_a_view_are_a_right_handed_frame_that_looks_down():
    axes = view_from(28.0, 14.0)
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-15)
    assert np.cross(axes[0], axes[1]) == pytest.approx(-axes[2], abs=1e-15)
    assert axes[1, 2] > 0 > axes[2, 2]


def test_sphere_on_the_side_of_the_box_shows_a_flat_section():
    view = View(view_from(0.0, 0.0), (5.0, 15.0, 5.0, 15.0), 10.0)  # looks along +y at the side y = 0
    hits = cast(scene_of([[10.0, 0.0, 10.0]], [3.0]), view)
    ball = hits.owner == 0
    assert hits.cut[ball].all()
    assert hits.point[ball][:, 1] == pytest.approx(0.0, abs=1e-12)
    assert (hits.normal[ball] == [0.0, -1.0, 0.0]).all()
    # area of the disc by counting pixels of side 0.1: error of the order of rim pixels x half a pixel, some 1 %
    assert ball.sum() * 0.01 == pytest.approx(np.pi * 9.0, rel=0.01)


def test_nearer_sphere_hides_the_farther_whatever_their_order():
    view = View(view_from(0.0, 0.0), (9.0, 11.0, 9.0, 11.0), 10.0)
    near, far = [10.0, 5.0, 10.0], [10.0, 15.0, 10.0]
    assert (cast(scene_of([near, far], [3.0, 3.0]), view).owner == 0).all()
    assert (cast(scene_of([far, near], [3.0, 3.0]), view).owner == 1).all()


def test_sphere_over_an_edge_of_the_periodic_box_appears_at_every_side():
    centre, owner = images_in_box(np.array([[0.5, 19.5, 7.0]]), np.array([2.0]), (20.0, 20.0))
    assert sorted(map(tuple, centre)) == [(0.5, -0.5, 7.0), (0.5, 19.5, 7.0), (20.5, -0.5, 7.0), (20.5, 19.5, 7.0)]
    assert (owner == 0).all()
    unwrapped, _ = images_in_box(np.array([[0.5 - 40.0, 19.5 + 20.0, 7.0]]), np.array([2.0]), (20.0, 20.0))
    assert sorted(map(tuple, unwrapped)) == sorted(map(tuple, centre))


def test_sphere_straight_above_hides_the_square_of_its_apparent_radius():
    scene = scene_of([[0.0, 0.0, 0.0], [0.0, 0.0, 2.5]], [1.0, 1.0])
    top = np.array([[[0.0, 0.0, 1.0]]])
    hits = Hits(np.zeros((1, 1)), np.zeros((1, 1), int), np.zeros((1, 1), bool), top, top)
    assert open_sky(scene, hits)[0, 0] == pytest.approx(1.0 - (1.0 / 1.5) ** 2)


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_picture_shows_spheres_where_particles_are_and_cracked_ones_in_orange(results):
    bed = bed_pressed(results["press"])
    view = view_of(bed.width, bed.height, 20.0)
    picture = picture_of(bed, view)
    for centre, cracked in zip(bed.centre, bed.cracked):
        # spheres of the front row, y < width/2, stand clear before the camera
        if centre[1] > bed.width[1] / 2:
            continue
        right, up, _ = view.axes @ centre
        row = int((view.extent[3] - up) * view.resolution / 2)  # two rays a pixel
        column = int((right - view.extent[0]) * view.resolution / 2)
        red, _, blue = picture[row, column]
        assert (red > 1.5 * blue) if cracked else (blue > red), centre
    bare = picture_of(replace(bed, radius=0.01 * bed.radius), view)
    # spheres of radius 4 in cells of 10 cover more than a quarter of the picture, platens are the same in both
    assert np.mean(np.abs(picture - bare).max(axis=2) > 0.05) > 0.25


def test_beds_carry_height_porosity_and_cracks_of_the_hardest_box(results):
    before, after = bed_before(results["pack"]), bed_pressed(results["press"])
    assert (before.height, after.height) == pytest.approx((80.0, 52.0))
    assert (before.porosity, after.porosity) == pytest.approx((0.522, RELEASED[1]))
    assert not before.cracked.any()
    assert after.cracked.sum() == 8


def test_mean_over_replicas_is_taken_at_equal_pressure():
    pressure = np.linspace(1.0, 101.0, 51) * 1e6
    frames = [{"stress_low": pressure, "stress_high": pressure, "porosity": a - 1e-9 * pressure} for a in (0.5, 0.54)]
    grid, mean, scatter = mean_over_replicas([Branch(0, 1e8, one) for one in frames], "porosity")
    assert grid[[0, -1]] == pytest.approx([1.0, 101.0])
    assert mean == pytest.approx(0.52 - 1e-3 * grid)
    assert scatter == pytest.approx(np.full(len(grid), 0.04 / np.sqrt(2)))


@pytest.mark.parametrize("name", ["packing", "compaction", "damage", "fracture", "nip", "honesty"])
def test_every_third_of_every_figure_has_something_drawn(study, name):
    image = imread(BytesIO((study / "figures" / f"{name}.png").read_bytes()))[..., :3]
    assert min(image.shape[:2]) > 400  # pixels: two inches in print
    for part in np.array_split(image, 3, axis=1):
        assert part.std() > 0.09  # empty axes with labels and a grid have 0.07 in their fullest third


# --- the page ---------------------------------------------------------------------------------------------------------


def test_page_needs_no_other_file_and_no_net(study):
    page = (study / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'src\s*=\s*"([^"]*)"', page)
    assert len(sources) == 8
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert {link[:1] for link in re.findall(r'href\s*=\s*"([^"]*)"', page)} == {"#", "d"}  # an icon of no data
    bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page).replace('<link rel="icon" href="data:,">', "")
    assert not re.search(r"https?:|<script src|<link|@import|url\(|<iframe", bare)


def test_page_has_captions_provenance_calibrated_values_and_citations(study, card):
    page = (study / "report.html").read_text(encoding="utf-8")
    assert page.count("<figcaption>") == 8
    for stage in card_stages(card):
        key = load(study / f"{stage.name}.h5").identity["key"]
        assert key[:16] in page
    assert all(item.key in page and item.reason in page for item in card.calibrated)
    assert all(point.source in page for point in card.published)
    assert f"{card.binder.modulus:.4g} Pa" in page


def test_transport_is_a_table_of_means_and_says_where_nothing_goes(study):
    text = summary_text(Study.open(study))
    rows = [line.split() for line in text[text.index("Transport") :].splitlines()]
    assert ["as", "laid", *["25.0", "0.125", "0.125", "2.00", "±", "0.00", "2", "0.25", "0.25", "0.25"]] in rows
    assert ["19.82", "25.0", "0.125", "0.125", "2.00", "±", "0.00", "2", "0.75!", "0.75!", "0.25"] in rows
    assert ["159.37", "25.0", "0.0625", "0.125", "–", "2", "0.25", "0.25", "0.25"] in rows


def test_what_breaks_a_bound_is_flagged_in_the_answer_the_table_and_the_page(study, card, results):
    """Two states conduct three times what their phases allow, by the made-up results."""
    flags = validity_answer(card, results)["flags"]
    (wiener,) = [flag for flag in flags if "Wiener" in flag]
    assert wiener.startswith("electronic conductivity breaks the Wiener bound in 2 of 6 states")
    assert len([flag for flag in flags if "Hashin" in flag]) == 1
    text, page = summary_text(Study.open(study)), (study / "report.html").read_text(encoding="utf-8")
    assert "flag: electronic conductivity breaks the Wiener bound in 2 of 6 states" in text
    assert "breaks the Wiener bound in 2 of 6 states" in page


def test_particles_deep_in_the_foil_are_flagged(card, results):
    """By depth after release over the thickness of the foil; a card without foil under its boxes is not asked."""
    particles = dict(results["press"].tables["particles"])
    particles["position"] = particles["position"].copy()
    particles["position"][0, 2] = particles["radius"][0] - 4.7e-6
    pressed = Data({**results["press"].tables, "particles": particles}, {})
    assert "foil_indentation_m" not in validity_answer(card, {"press": pressed})
    foil = card.with_values({"press.lower_platen": "foil", "electrode.foil.thickness": "23.5 um"})
    found = validity_answer(foil, {"press": pressed})
    assert found["foil_indentation_m"] == pytest.approx(4.7e-6)
    assert found["foil_indentation_share"] == pytest.approx(0.2)
    assert any("20% of its thickness, above 10%" in flag for flag in found["flags"])
    particles["position"][0, 2] = particles["radius"][0] - 2e-6
    pressed = Data({**results["press"].tables, "particles": particles}, {})
    assert not any("in the foil" in flag for flag in validity_answer(foil, {"press": pressed})["flags"])


def test_porosity_beyond_its_range_is_flagged(card, results):
    frames = dict(results["press"].tables["frames"])
    frames["porosity"] = frames["porosity"] - 0.25  # the hardest box would have no pores left
    pressed = Data({**results["press"].tables, "frames": frames}, {})
    assert any(
        flag.startswith("porosity of the boxes leaves the range of 0 to 1: -0.05")
        for flag in validity_answer(card, {"press": pressed})["flags"]
    )


def test_scatter_of_one_replica_does_not_exist(results):
    """Null in JSON, no ± in a table."""
    one = {name: only_first(data) for name, data in results.items() if name in ("pack", "press", "transport")}
    alone = load_card("nmc111", overrides={"boxes.replicas": "1"})
    rows = [*press_answer(alone, one["press"]), *transport_answer(one["transport"])]
    rows += sizes_answer(alone, one["pack"])["realised"].values()
    scatters = {name: value for row in rows for name, value in row.items() if "_sd" in name}
    assert len(scatters) > 10
    assert all(value in (None, [None] * 3) for value in scatters.values())
    text = [cell for row in transport_grid(transport_answer(one["transport"])).rows for cell in row]
    text += [cell for row in sizes_grid(alone, one["pack"]).rows for cell in row]
    assert not any("±" in cell for cell in text)


def only_first(data):
    """The first replica of made-up results."""
    tables = {}
    for name, table in data.tables.items():
        if name == "states":
            here = table["replica"] == 0
        elif name == "boxes":
            here = table["replica"] == 0 if "replica" in table else np.arange(len(table["height"])) == 0
        else:
            here = table["box"] % 2 == 0
        tables[name] = {column: values[here] for column, values in table.items()}
        if "box" in table:
            tables[name]["box"] = tables[name]["box"] // 2
    return Data(tables, data.attributes)


def test_cracks_that_no_criterion_judged_are_not_counted_as_none(card, results, tmp_path):
    unjudged = load_card("nmc111", overrides={"fracture.criterion": "none", "boxes.replicas": "2"})
    assert all(row["cracked_fraction"] is None for row in press_answer(unjudged, results["press"]))
    soft = {**results["press"].tables["particles"], "strength": np.full(64, np.nan)}
    graphite = Data({**results["press"].tables, "particles": soft}, {})
    assert all(row["cracked_volume_fraction"] is None for row in criteria_answer(graphite))
    write_study(tmp_path / "study", unjudged, results)
    page = write_report(Study.open(tmp_path / "study")).read_text(encoding="utf-8")
    assert "no judgement of cracks" in page
    assert "volume cracked" not in page
    assert "not judged" in summary_text(Study.open(tmp_path / "study"))


def test_coating_without_binder_has_no_broken_bonds(results, tmp_path):
    recipe = {"electrode.mass_fractions": "{ active = 1.0 }", "electrode.solid_density": "none", "boxes.replicas": "2"}
    dry = load_card("nmc111", overrides=recipe)
    assert all(row["broken_bond_fraction"] is None for row in press_answer(dry, results["press"]))
    write_study(tmp_path / "study", dry, results)
    assert ", with no binder and 50.0 % of" in write_report(Study.open(tmp_path / "study")).read_text(encoding="utf-8")


def test_many_sizes_are_put_together_with_their_neighbours_and_none_is_empty(results):
    """Ten classes of equal volume: most particles are of the smallest, where quantiles would fall together."""
    sizes = np.repeat(np.geomspace(5e-6, 20e-6, 10), [14, 6, 3, 2, 2, 1, 1, 1, 1, 1])
    particles = {**results["press"].tables["particles"], "origin_diameter": np.tile(sizes, 2), "origin": np.arange(64)}
    classes = size_classes_of(Data({**results["press"].tables, "particles": particles}, {}), STRESSES[1])
    assert len(classes.diameter) == 8
    assert classes.count.min() > 0
    assert np.all(np.diff(classes.diameter) > 0)
    assert classes.diameter[0] >= 5e-6


def test_words_of_a_card_are_escaped(card, tmp_path):
    write_study(tmp_path / "study", card.model_copy(update={"title": "<script>alert(1)</script>"}), {})
    page = write_report(Study.open(tmp_path / "study")).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("count", [0, 1, 2])
def test_partial_study_is_reported_and_names_all_that_is_missing(card, results, tmp_path, count):
    names = list(results)
    write_study(tmp_path / "study", card, {name: results[name] for name in names[:count]})
    page = write_report(Study.open(tmp_path / "study")).read_text(encoding="utf-8")
    assert f"Missing: {', '.join(names[count:])}." in page
    assert page.count("data:image/png") == [0, 2, 6][count]
    text = summary_text(Study.open(tmp_path / "study"))
    assert [name for name in names if f"missing: {name} is" in text] == names[count:]


def test_folder_without_study_is_refused_and_damaged_stage_too(study, card, results, tmp_path):
    with pytest.raises(InputError):
        write_report(Study.open(tmp_path))
    folder = tmp_path / "study"
    write_study(folder, card, results)
    content = bytearray((folder / "press.h5").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "press.h5").write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r"press\.h5"):
        write_report(Study.open(folder))
    assert not (folder / "report.html").exists()


def test_results_of_an_older_card_are_named(card, results, tmp_path):
    folder = tmp_path / "study"
    write_study(folder, card, results)
    assert Study.open(folder).stale == ()
    newer = card_to_dict(card)
    newer["press"]["inertial_number"] = 5e-4
    record = {"config": newer, "stages": list(results), "identity": IDENTITY}
    write(folder / "study.h5", Data({}, record), {}, kind="result", identity={})
    assert any(
        "press was computed for other values: press.inertial_number" in line for line in Study.open(folder).stale
    )


# --- the tables -------------------------------------------------------------------------------------------------------


def cells_of(study):
    """Cells of the first table: (row label, column number) -> text."""
    grid = summarise(Study.open(study)).grids[0]
    return {(row[0], column): cell for row in grid.rows for column, cell in enumerate(row)}, grid.headings


def test_table_holds_the_stored_numbers_with_their_scatter(study):
    cells, headings = cells_of(study)
    scatter = SHIFT / np.sqrt(2)  # standard deviation of two values, n - 1
    for rank, column in ((0, headings.index("19.82 MPa")), (1, headings.index("159.4 MPa"))):
        for label, porosity in (("porosity, loaded (%)", LOADED[rank]), ("porosity, released (%)", RELEASED[rank])):
            assert cells[label, column] == f"{100 * (porosity + SHIFT / 2):.1f} ± {100 * scatter:.1f}"
        loaded, released = THICKNESS["loaded"][rank], THICKNESS["released"][rank]
        assert cells["coating, one side, released (µm)", column] == f"{released * 1e6:.1f} ± 0.0"
        assert cells["web thickness, loaded (µm)", column] == f"{23.5 + 2 * loaded * 1e6:.1f} ± 0.0"
        assert cells["springback (% of loaded)", column] == f"{100 * (released / loaded - 1):.1f} ± 0.0"
        assert cells["recovery (% of initial)", column] == f"{100 * (released - loaded) / HEIGHT:.1f} ± 0.0"
        assert cells["contacts of a particle, loaded", column] == "6.00"
        assert cells["broken binder bonds (%)", column] == "80.0"
        assert cells["replicas that reached it", column] == "2 of 2"


def test_nip_of_each_stress_stands_beside_its_published_set_gap(study):
    cells, headings = cells_of(study)
    mild, hard = headings.index("19.82 MPa"), headings.index("159.4 MPa")
    assert cells["line load, elastic rolls (N/mm)", mild] == "123"
    assert cells["line load, rigid rolls (N/mm)", mild] == "119"
    assert cells["set gap, elastic rolls (µm)", hard] == "33.0"
    assert cells["set gap, rigid rolls (µm)", hard] == "–"  # that setting has no solution
    assert headings[mild + 1] == "publ. C1"
    assert cells["set gap, elastic rolls (µm)", mild + 1] == "130.0"
    assert cells["web thickness, released (µm)", headings.index("publ. C4")] == "118.6"
    assert "the closure ends before" in summary_text(Study.open(study))


def test_published_state_belongs_to_a_stress_within_one_per_cent(card):
    assert published_at(card, 19.82e6 * 1.009).name == "C1"
    assert published_at(card, 19.82e6 * 1.012) is None
    assert published_at(card, 0.0).name == "not calendered"


def test_printed_summary_fits_a_log(study, capsys):
    print_summary(Study.open(study))
    printed = capsys.readouterr().out
    assert printed.startswith("ANSWER\nAsked")
    assert printed.strip().endswith(summary_text(Study.open(study)).strip())
    assert max(map(len, printed.splitlines())) <= 118
    assert "device: cpu x86_64, f64, taichi 1.7.4" in printed
    assert "\x1b" not in printed


def test_ledger_is_in_parts_of_the_work_and_says_what_is_left(study):
    """What was there before the first frame is not counted."""
    grid = next(grid for grid in summarise(Study.open(study)).grids if grid.title == "Where the work went")
    rows = {row[0]: row[1:] for row in grid.rows}
    assert rows["work of the platens (nJ a box)"] == ("2", "2")
    assert rows["elastic energy of contacts and bonds"] == ("20.00", "20.00")
    assert rows["friction"] == ("50.00", "50.00")
    assert rows["yielding"] == ("0.00", "0.00")
    assert rows["bonds: plastic work"] == ("5.00", "5.00")
    assert rows["not booked"] == ("5.00", "5.00")


def test_cracked_shares_stand_side_by_side(study):
    """Means over the replicas of a stress: volume from the frames, number from the particles, the published beside."""
    grids = {grid.title: grid for grid in summarise(Study.open(study)).grids}
    grid = grids["Cracked particles by criterion (%), side by side; * the card's own"]
    rows = {row[0]: row[1:] for row in grid.rows}
    assert list(rows)[:6] == [
        "largest force", "octahedral shear", "contact pressure", "mean stress, as Sangrós 2020", "stored energy",
        "tension in the centre *",
    ]  # fmt: skip
    # of 16 spheres of box 2 eight are cracked, of box 3 none
    assert rows["largest force"] == ("10.0", "0.0", "10.0", "25.0")
    assert rows["octahedral shear"] == ("20.0", "0.0", "20.0", "0.0")
    assert rows["published"] == ("–", "0.0", "–", "1.5")
    by_size = grids["Cracked particles by size after 159.4 MPa (%)"]
    assert by_size.headings == ("criterion", "5.0 µm", "8.0 µm")
    assert by_size.rows[0] == ("particles in all boxes", "16", "16")
    assert by_size.rows[1] == ("largest force", "25.0", "25.0")


def test_pieces_count_as_the_particle_they_come_from():
    """Three particles, one of them in two pieces of which one exceeded, and that by the first criterion."""
    particles = {
        "box": np.zeros(4, np.int32),
        "origin": np.array([0, 1, 2, 2]),
        "origin_diameter": np.array([5e-6, 5e-6, 9e-6, 9e-6]),
        "exceeded": np.array([0, 0, 0, 1], np.int32),
    }
    assert number_shares(particles, np.array([0])) == pytest.approx([1 / 3, 0, 0, 0, 0, 0])


# --- the law by impedance ---------------------------------------------------------------------------------------------


def test_a_law_by_impedance_goes_into_a_study_and_its_report(card, results, tmp_path):
    """`kalander infer --into`: the study's transport closure, drawn beside the microstructures' own."""
    from symmetric_cells import CASE, spectrum, write_csv
    from typer.testing import CliRunner

    from kalander.runs.cli import app

    folder = tmp_path / "study"
    write_study(folder, card, results)
    write_csv(tmp_path / "cell.csv", spectrum(noise=0.01))
    (tmp_path / "case.toml").write_text(CASE)
    words = ["infer", str(tmp_path / "case.toml"), "--set", "model.compare=false", "--json"]
    refused = CliRunner().invoke(app, [*words, "--into", str(tmp_path)])
    assert refused.exit_code == 2
    done = CliRunner().invoke(app, [*words, "--into", str(folder), "-o", str(tmp_path / "figures")])
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "tortuosity.png", "corner.png", "spectrum_1.png", "spectrum_1_corner.png",
    }  # fmt: skip
    assert str(folder / "tortuosity_law.h5") in answer["files"]
    states = Study.open(folder).data("transport").tables["states"]
    closure, source = transport_closure(folder, states)
    assert source == "impedance"
    assert closure.tortuosity(0.41) == pytest.approx(answer["spectra"][0]["tortuosity"]["median"], rel=0.05)
    page = write_report(Study.open(folder)).read_text()
    assert "by its own spectrum" in page
    assert imread(folder / "figures" / "tortuosity.png").shape[1] > 500

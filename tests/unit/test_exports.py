"""What is exported opens where it should and is the same again: our own readers, pandas, pyarrow, VTK, OVITO."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_up import all_results, write_study
from typer.testing import CliRunner

from kalander.coupling.cards.card import load_card
from kalander.coupling.cases.compact import PackingNotes
from kalander.coupling.exports.elements import write_vtu
from kalander.coupling.exports.lammps import read_bonds
from kalander.coupling.exports.states import histories
from kalander.coupling.exports.tables import read_csv, tables_of
from kalander.coupling.exports.voxels import tiff_bytes
from kalander.coupling.packings.bed import Packing
from kalander.coupling.packings.packing_files import read_spheres
from kalander.coupling.packings.tiff_stacks import read_tiff
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_si
from kalander.coupling.structure.voxelise import Voxels
from kalander.kernels.errors import InputError
from kalander.runs.cli import app

NOTES = PackingNotes()
FORMATS = "csv,vtkhdf,lammps-data,lammps-dump,xyz,svg,pdf"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A made-up study whose first packing has two bonds, exported by the verb."""
    results = all_results()
    packed = results["pack"]
    places = packed.tables["particles"]["position"]
    apart = [float(np.linalg.norm(places[one + 1] - places[one])) for one in (0, 1)]
    bonds = {
        "box": np.zeros(2, np.int32), "first": np.array([0, 1], np.int32), "second": np.array([1, 2], np.int32),
        "radius": np.full(2, 1e-6 / 3.0), "length": np.array(apart),
    }  # fmt: skip
    results["pack"] = replace(packed, tables={**packed.tables, "bonds": bonds})
    card = load_card("nmc111", overrides={"boxes.replicas": "2"})
    study = tmp_path_factory.mktemp("studies") / "whole"
    write_study(study, card, results)
    done = CliRunner().invoke(app, ["export", str(study), "--format", FORMATS, "--json"])
    assert done.exit_code == 0, done.output
    files = {path.rpartition("/")[2] for path in json.loads(done.stdout)["files"]}
    assert files == {path.name for path in (study / "exports").iterdir()}
    return study


@pytest.fixture(scope="module")
def study(folder):
    return Study.open(folder)


@pytest.fixture(scope="module")
def history(study):
    """States of the first replica."""
    return next(histories(study))


def test_states_are_as_laid_and_after_each_press_with_the_height_they_were_released_to(study, history):
    assert [state.name for state in history] == ["as laid", "19.82 MPa", "159.37 MPa"]
    assert [state.box[2] for state in history] == [8e-5, 6.7e-5, 5.2e-5]
    assert history[2].cracked.sum() == 8
    assert len(list(histories(study))) == 2


def test_tables_come_back_to_the_bit_with_their_units(folder, study):
    seen = 0
    for name, table in tables_of(study):
        back = read_csv(folder / "exports" / f"{name}.csv")
        assert list(back) == list(table)
        for column, values in table.items():
            if len(values):  # texts, whole numbers and numbers; NaN is nothing
                same = values.astype(back[column].dtype)
                assert np.array_equal(back[column], same, equal_nan=same.dtype.kind == "f"), f"{name}.{column}"
        seen += len(table)
    assert seen > 100
    assert {"height_m", "stress_low_Pa", "porosity"} <= set(read_csv(folder / "exports" / "press_frames.csv"))


def test_pandas_reads_the_tables(folder):
    pandas = pytest.importorskip("pandas")
    frames = pandas.read_csv(folder / "exports" / "press_frames.csv")
    assert frames["height_m"].iloc[0] == pytest.approx(8e-5, rel=1e-15)


def test_parquet_is_the_same_table(folder, study, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet is written with the package pyarrow")
    done = CliRunner().invoke(app, ["export", str(folder), "--format", "parquet", "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for name, table in tables_of(study):
        back = parquet.read_table(tmp_path / f"{name}.parquet").to_pydict()
        assert list(back) == list(table)
        for column, values in table.items():
            there = [np.nan if value is None else value for value in back[column]]
            assert np.array_equal(np.array(there, values.dtype), values, equal_nan=values.dtype.kind == "f")


def test_our_own_reader_takes_data_and_dump_to_the_bit(folder, history):
    for state in history:
        name = f"particles_0_{state.name.replace(' ', '_')}.data"
        back = read_spheres(folder / "exports" / name, NOTES, materials=1)
        assert np.array_equal(back.position, state.position)
        assert np.array_equal(back.radius, state.radius)
        assert np.array_equal(back.box_size, state.box)
    last = read_spheres(folder / "exports" / "particles_0.dump", NOTES, materials=1)
    assert np.array_equal(last.position, history[-1].position)
    assert np.array_equal(last.radius, history[-1].radius)


def test_bonds_come_back_to_the_bit(folder, history):
    back = read_bonds(folder / "exports" / "bonds_0.dump")
    for name, values in history[0].bonds.items():
        assert np.array_equal(back[name], values), name
    broken = folder / "exports" / "particles_0.dump"
    with pytest.raises(InputError, match="is no dump of bonds"):
        read_bonds(broken)


def test_vtk_reads_particles_and_bonds_of_each_step(folder, history):
    hdf = pytest.importorskip("vtkmodules.vtkIOHDF", reason="read back with the package vtk")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    reader = hdf.vtkHDFReader()
    reader.SetFileName(str(folder / "exports" / "particles_0.vtkhdf"))
    reader.UpdateInformation()
    for state in history:
        reader.UpdateTimeStep(state.stress)
        found = reader.GetOutput()
        assert np.array_equal(vtk_to_numpy(found.GetPoints().GetData()), state.position)
        points = {name: vtk_to_numpy(found.GetPointData().GetArray(name)) for name in ("radius_m", "id", "cracked")}
        assert np.array_equal(points["radius_m"], state.radius)
        assert np.array_equal(points["id"], state.id)
        assert np.array_equal(points["cracked"], state.cracked)
        bonds = len(state.bonds["first"]) if state.bonds else 0
        assert (found.GetNumberOfVerts(), found.GetNumberOfLines()) == (len(state.radius), bonds)
        if bonds:
            pairs = vtk_to_numpy(found.GetLines().GetConnectivityArray()).reshape(-1, 2)
            assert pairs.tolist() == [[0, 1], [1, 2]]
            thick = vtk_to_numpy(found.GetCellData().GetArray("bond_radius_m"))
            assert np.array_equal(thick[len(state.radius) :], state.bonds["radius"])


def test_vtk_reads_elements_to_the_bit(tmp_path):
    xml = pytest.importorskip("vtkmodules.vtkIOXML", reason="read back with the package vtk")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    points = (
        np.array([[0, 0, 0], [1e-5, 0, 0], [1e-5, 1e-5, 0], [0, 1e-5, 0], [2e-5, 0, 0], [2e-5, 1e-5, 0]], float) / 3
    )
    quads, porosity = np.array([[0, 1, 2, 3], [1, 4, 5, 2]]), np.array([0.1, 1 / 3])
    write_vtu(tmp_path / "fields.vtu", points, quads, {"porosity": porosity, "layer": np.array([0, 1])})
    reader = xml.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(tmp_path / "fields.vtu"))
    reader.Update()
    grid = reader.GetOutput()
    assert np.array_equal(vtk_to_numpy(grid.GetPoints().GetData()), points)
    assert np.array_equal(vtk_to_numpy(grid.GetCellData().GetArray("porosity")), porosity)
    assert vtk_to_numpy(grid.GetCells().GetConnectivityArray()).reshape(-1, 4).tolist() == quads.tolist()


def test_ovito_reads_particles_radii_bonds_and_all_snapshots(folder, history):
    pytest.importorskip("ovito", reason="read back with the package ovito")
    from ovito.io import import_file

    laid = import_file(str(folder / "exports" / "particles_0_as_laid.data")).compute().particles
    assert np.array_equal(np.sort(laid.bonds.topology, axis=1), [[0, 1], [1, 2]])
    for name in ("particles_0.dump", "particles_0.xyz"):
        pipeline = import_file(str(folder / "exports" / name), multiple_frames=True)
        assert pipeline.num_frames == 3
        for number, state in enumerate(history):
            found = pipeline.compute(number)
            # OVITO parses numbers to the last digit but one, and holds radii in single precision
            assert found.particles.positions[...] == pytest.approx(state.position, rel=1e-14, abs=1e-19)
            assert found.particles["Radius"][...] == pytest.approx(state.radius, rel=1e-6)
            assert np.diag(found.cell[:, :3]) == pytest.approx(state.box, rel=1e-14)
    assert np.array_equal(laid["Particle Identifier"][...], history[0].id + 1)


def test_voxels_come_back_as_they_were(tmp_path):
    pytest.importorskip("tifffile")
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 4
    path = tmp_path / "voxels.tif"
    path.write_bytes(tiff_bytes(Voxels(labels, (5e-7, 5e-7, 1e-6), labels.astype(float))))
    back = read_tiff(path, None)
    assert np.array_equal(back.labels, labels)
    assert back.spacing == pytest.approx((0.5, 0.5, 1.0), rel=1e-6)  # TIFF holds a resolution as a ratio of integers


def test_figures_are_drawings(folder):
    drawn = {path.stem for path in (folder / "exports").glob("*.svg")}
    assert {"packing", "compaction", "nip"} <= drawn
    assert drawn == {path.stem for path in (folder / "exports").glob("*.pdf")}
    assert (folder / "exports" / "compaction.svg").read_text().startswith("<?xml")
    assert (folder / "exports" / "compaction.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_no_format_is_named_with_the_nearest(folder, tmp_path):
    done = CliRunner().invoke(app, ["export", str(folder), "--format", "csv,vtkhdff", "-o", str(tmp_path / "new")])
    assert done.exit_code == 2
    assert "did you mean 'vtkhdf'" in done.output
    assert not (tmp_path / "new").exists()


def test_a_packing_keeps_its_bonds_in_its_file(study, tmp_path):
    bed = study.pack[0]
    back = Packing.read(bed.save(tmp_path / "bonded.npz", bonds=True), material=bed.material)
    assert bed.bonds is not None
    assert back.bonds is not None
    for name in ("first", "second"):
        assert np.array_equal(back.bonds[name], bed.bonds[name])
    for name in ("radius", "length", "volume"):  # there and back between metres and micrometres: a rounding
        assert back.bonds[name] == pytest.approx(bed.bonds[name], rel=1e-15)
    assert Packing.read(bed.save(tmp_path / "free.npz"), material=bed.material).bonds is None
    arrays = dict(np.load(tmp_path / "bonded.npz"))
    for name, value, why in (
        ("bond_second", np.array([1, 99]), "join no two spheres"), ("bond_radius", np.array([1.0, -1.0]), "above 0"),
        ("bond_first", None, "is missing"), ("bond_length", in_si(np.array([2e4, 2e4]), "um"), "metres"),
    ):  # fmt: skip
        wrong = {**arrays, name: value} if value is not None else {key: arrays[key] for key in arrays if key != name}
        np.savez(tmp_path / "wrong.npz", **wrong)
        with pytest.raises(InputError, match=why):
            Packing.read(tmp_path / "wrong.npz", material=bed.material)

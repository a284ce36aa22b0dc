"""The command as a user meets it: exit codes, one line a fault, nothing written, JSON alone on stdout."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kalander.runs import cli

CACHE = Path(__file__).parents[1] / ".kernel_cache"
NIP_CASE = """
[web]
sides = 2
[[web.layer]]
thickness = "75 um"
porosity = 0.45
closure = { law = "power", p0 = "6 MPa", k = 9, unload_modulus = "6000 MPa" }
[foil]
thickness = "15 um"
material = "rigid"
[rolls]
diameter = "500 mm"
[pass]
gap = "115 um"
speed = "2 m/min"
"""


def alone(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kalander.runs.cli", *arguments],
        cwd=folder, env={**os.environ, "KALANDER_CACHE": str(CACHE), **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def kalander(monkeypatch, capsys):
    """The command in this process, a second cheaper: for what asks nothing of the process itself."""

    def call(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["kalander", *arguments])
        monkeypatch.setattr(cli, "_be_independent", lambda: None)  # signals and streams are the test run's
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return call


def test_help_does_not_load_the_kernel_language(tmp_path):
    done = alone("run", "--help", folder=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "Example: kalander run" in done.stdout
    assert "| taichi" not in done.stderr
    assert "| h5py" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["run", "nmc112"], ["nmc112", "nmc111"]),
        (["run", "nmc111", "--set", "electrode.porosity=35"], ["electrode.porosity", "0.35"]),
        (["run", "nmc111", "--set", "boxes.replica=2"], ["boxes.replica", "replicas"]),
        (["run", "nmc111", "--set", "contact.friction=-1", "--set", "step.dt=1 s"], ["contact.friction", "step.dt"]),
        (["run", "graphite", "--set", "electrode.particles.shape.aspect_ratio=5"], ["shape.spheres", "do not overlap"]),
        (["run", "graphite", "--set", "electrode.particles.shape.spheres=1"], ["shape.spheres", "19 or more"]),
        (
            [
                "run",
                "nmc111",
                "--set",
                "fracture.weibull_modulus=0",
                "--set",
                "binder.bridging_distance=50 um",
                "--set",
                "binder.parting_gap=50 um",
            ],
            ["fracture.weibull_modulus", "above 0", "binder.bridging_distance", "wider box"],
        ),
        (
            ["run", "nmc111", "--set", "fracture.mode='replace'", "--set", "fracture.resolution=2 um"],
            ["fracture.resolution", "fewer generations or fragments"],
        ),
        (["run", "nmc111", "--save-every", "30"], ["--save-every", "30 s"]),
        (["run", "nmc111", "--set", "boxes"], ["--set", "="]),
        (["run", "nmc111", "--threads", "0"], ["threads"]),
        (["run", "nmc111", "--device", "gpu"], ["gpu", "cuda"]),
        (["nip", "absent.toml"], ["absent.toml"]),
        (["resume", "absent"], ["absent"]),
        (["run"], ["card"]),
    ],
    ids=lambda value: " ".join(value[:3]) if value and value[0] in ("run", "nip", "resume") else "",
)
def test_bad_input_is_exit_2_with_a_line_a_fault_and_nothing_written(tmp_path, arguments, names, kalander):
    starts = {"--device", "--threads"} & set(arguments)  # a process has one device, which another file may have started
    done = (alone if starts else kalander)(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for name in names:
        assert name in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_all_faults_of_a_card_come_together(tmp_path, kalander):
    changes = ["electrode.porosity=1.5", "binder.modulus=-1 GPa", "boxes.width=3 s"]
    done = kalander("run", "nmc111", *(text for change in changes for text in ("--set", change)), folder=tmp_path)
    assert done.returncode == 2
    assert len([line for line in done.stderr.splitlines() if "allowed" in line]) == 3


def test_a_device_that_is_not_there_is_exit_3_and_nothing_is_computed(tmp_path):
    done = alone("run", "nmc111", "--device", "cuda", folder=tmp_path, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 3
    assert "cuda" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_more_particles_than_memory_is_exit_2_and_a_full_disk_exit_74(tmp_path, monkeypatch):
    from collections import namedtuple

    import kalander.runs as kal
    from kalander.coupling.results import study
    from kalander.kernels.errors import InputError, StorageError

    with pytest.raises(InputError, match="GB of memory"):
        kal.run(kal.load_card("nmc111", overrides={"boxes.width": "8 mm"}), tmp_path / "study")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(study.shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(StorageError, match="free the disk"):
        kal.run("nmc111", tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("irreplaceable")
    done = alone("run", "nmc111", "-o", "mine", folder=tmp_path)  # it starts a device, and a process has one
    assert done.returncode == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_damaged_record_is_exit_4(tmp_path, kalander):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.h5").write_bytes(b"not hdf5 at all")
    assert kalander("resume", "study", folder=tmp_path).returncode == 4


def test_nip_answers_the_contract_in_json_alone(tmp_path, kalander):
    (tmp_path / "case.toml").write_text(NIP_CASE)
    done = kalander("nip", "case.toml", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    # physics notes, oracle O30's case: 239.1 N/mm, 111.1 MPa, 122.8 um at 115 um set; 0.2 % for the grid
    assert answer["line_load_N_per_m"] == pytest.approx(239.1e3, rel=2e-3)
    assert answer["peak_pressure_Pa"] == pytest.approx(111.1e6, rel=2e-3)
    assert answer["set_gap_m"] == pytest.approx(115e-6, abs=1e-12)
    assert answer["deborah"] is None


def test_pack_writes_a_packing_that_others_can_read(tmp_path):
    import numpy as np

    done = alone(
        "pack", "nmc111", "-o", "packing.npz", "--set", "boxes.replicas=1", "--set", "boxes.width=35 um", "--json",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    packing = np.load(tmp_path / "packing.npz")
    volume = 4 / 3 * np.pi * (packing["radius"] ** 3).sum() / packing["box_size"].prod()
    # the box is made so wide that the active fraction of the recipe is met exactly
    assert volume == pytest.approx(answer["volume_fractions"]["active"], rel=1e-12)
    assert sum(answer["volume_fractions"].values()) == pytest.approx(1.0, abs=1e-12)


def test_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path):
    done = alone("run", "nmc111", "--dry-run", "--json", "--set", 'step.dt="0.1 ns"', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["boxes"] == 6
    assert plan["time_step_s"] == 1e-10  # as given, not as it would be chosen
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_a_quiet_end(tmp_path):
    command = f"{sys.executable} -m kalander.runs.cli doctor | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 128 + signal.SIGPIPE, -signal.SIGPIPE)
    assert "Traceback" not in done.stderr


CAP_CASE = NIP_CASE.replace(
    'law = "power", p0 = "6 MPa", k = 9, unload_modulus = "6000 MPa"',
    'law = "cap", modulus = "4 GPa", poisson = 0.2, M = 1.2, chi = 1, p_c0 = "5 MPa", k = 10',
)
CONTRACT = {
    "line_load_N_per_m", "peak_pressure_Pa", "set_gap_m", "loaded_gap_m", "nip_angle_rad", "entry_x_m", "exit_x_m",
    "peak_x_m", "exit_thickness_m", "coating_exit_thickness_m", "springback", "porosity_mean", "porosity_layers",
    "temperature_layers_K", "deborah", "forward_slip", "foil_elongation", "x_m", "pressure_Pa",
}  # fmt: skip


def test_nip_by_finite_elements_answers_the_contract_with_fields(tmp_path, kalander):
    import h5py
    import numpy as np

    (tmp_path / "case.toml").write_text(CAP_CASE.replace('"500 mm"', '"100 mm"'))
    small = ("--set", "fem.elements_along=40", "--set", "fem.elements_through=2", "--set", "pass.gap=145 um")
    done = kalander("nip", "case.toml", "--model", "fem", *small, "-o", "out", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.keys() >= CONTRACT
    # the contact has 15 elements, whose ends are found to one of them: 1 %; the verification has the finer meshes
    assert answer["line_load_N_per_m"] == pytest.approx(answer["fast"]["line_load_N_per_m"], rel=0.02)
    assert {Path(name).name for name in answer["files"]} == {
        "fields.vtkhdf", "fields.vtu", "nip_fields.png", "nip_pressure.png", "nip_layers.png",
    }  # fmt: skip
    with h5py.File(tmp_path / "out" / "fields.vtkhdf") as file:
        root = file["VTKHDF"]
        assert root.attrs["Type"] == b"UnstructuredGrid"
        cells = int(root["NumberOfCells"][0])
        assert cells == 40 * 2
        assert root["Offsets"].shape == (cells + 1,)
        assert root["CellData/porosity"].shape == (cells,)
        assert np.max(root["CellData/stress_zz_Pa"]) == pytest.approx(answer["peak_pressure_Pa"], rel=0.05)
        assert int(np.max(root["Connectivity"])) == root["Points"].shape[0] - 1


def test_finite_elements_refuse_what_they_do_not_know(tmp_path, kalander):
    (tmp_path / "case.toml").write_text(NIP_CASE)
    done = kalander("nip", "case.toml", "--model", "fem", folder=tmp_path)
    assert done.returncode == 2
    assert "web.layer[0].closure.law: 'power'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["case.toml"]


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("pass.gap=165 um", 2, "does not touch the web"),
        ("pass.gap=25 um", 5, "closure ends"),
        ("rolls.stand_stiffness=-1 N/m", 2, "rolls.stand_stiffness"),
        ("web.slices=1", 2, "at least 2"),
    ],
)
def test_a_nip_that_cannot_be_is_refused_with_its_reason(tmp_path, setting, code, said, kalander):
    (tmp_path / "case.toml").write_text(NIP_CASE.replace('"500 mm"', '"500 mm"\nelastic = false'))
    done = kalander("nip", "case.toml", "--set", setting, folder=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_elements_that_fail_leave_their_last_state(tmp_path, in_child):
    """A law whose return is made to fail half-way stands for a nip too hard for Newton."""
    (tmp_path / "case.toml").write_text(CAP_CASE.replace('"500 mm"', '"100 mm"'))
    source = f"""
        import os
        os.chdir({str(tmp_path)!r})
        from kalander.continuum.elements import step as fem_step
        from kalander.kernels.errors import NumericalError
        from kalander.runs.nip.solve import solve_file
        sound = fem_step.balance
        calls = [0]
        def failing(*arguments):
            calls[0] += 1
            if calls[0] > 60:
                raise NumericalError("the return does not converge")
            return sound(*arguments)
        fem_step.balance = failing
        small = {{"fem.elements_along": "40", "fem.elements_through": "2"}}
        try:
            solve_file("case.toml", model="fem", overrides=small)
        except NumericalError as failure:
            print(json.dumps([failure.exit_code, str(failure)]))
    """
    code, said = in_child(source, device=None)
    assert code == 5
    assert "finite elements stopped in step" in said
    assert "the return does not converge" in said
    assert (tmp_path / "nip_fem_partial" / "fields.vtkhdf").exists()


def test_powder_rolls_answer(tmp_path, kalander):
    (tmp_path / "powder.toml").write_text(
        '[powder]\ncompressibility = 30\ninternal_friction = "40 deg"\nwall_friction = "20 deg"\n'
        'feed_pressure = "1 kPa"\nfeed_solid_fraction = 0.35\n[rolls]\ndiameter = "200 mm"\n[pass]\ngap = "5 mm"\n'
    )
    done = kalander("nip", "powder.toml", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["nip_angle_rad"] == pytest.approx(0.0476514, rel=1e-5)
    assert 0.35 < max(answer["solid_fraction"]) == pytest.approx(1.0 - answer["porosity_mean"])
    dense = kalander(
        "nip", "powder.toml", "--set", "powder.compressibility=8", "--set", "pass.gap=0.5 mm", folder=tmp_path
    )
    assert dense.returncode == 5
    assert "above 0.98" in dense.stderr

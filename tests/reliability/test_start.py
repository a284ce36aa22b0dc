"""The command and the scripts as they start: whoever starts them, and what they refuse before they load anything."""

import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from kalander.coupling.cards.card import load_card
from kalander.coupling.cases.compact import load_compact_case
from kalander.kernels.errors import CheckpointError, Fault, InputError
from kalander.runs import cli
from kalander.runs.page.plot_style import new_figure, png, styled

STUDIES = Path(cli.__file__).parent / "studies"
SCRIPTS = [path for path in sorted(STUDIES.glob("*.py")) if "__main__" in path.read_text()]
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


def started(folder: Path, *arguments: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command from its first line, as its entry point starts it. before: source that goes first."""
    (folder / "nip.toml").write_text(NIP_CASE)
    source = f"{before}\nimport sys\nsys.argv[0] = 'kalander'\nfrom kalander.runs.launch import main\nmain()\n"
    return subprocess.run(
        [sys.executable, "-c", source, *arguments], cwd=folder, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=120, check=False, preexec_fn=heed_interrupts,
    )  # fmt: skip


def heed_interrupts() -> None:
    """In the child, before Python starts: a shell lets what runs in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_help_of_a_script_is_help(path, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for option, code in (("--help", 0), ("--quik", 2)):
        monkeypatch.setattr(sys, "argv", [str(path), option])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(path), run_name="__main__")
        said = capsys.readouterr()
        assert end.value.code == code
        assert ("python runs/" in said.out) if code == 0 else ("--quik" in said.err)
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_or_needs_no_kernels_does_not_load_the_kernel_language(tmp_path, in_child) -> None:
    """One process: each line is a call of the command, and none of them may have loaded it."""
    (tmp_path / "nip.toml").write_text(NIP_CASE)
    (tmp_path / "case.toml").write_text('[[material]]\nname = "a"\n')
    calls = [
        "nip nip.toml", "nip nip.toml --set pass.gap=165um", "run nmc111 --dry-run", "run nmc111 --device gpu",
        "run nmc111 --threads 0", "run nmc111 --precision f16", "compact absent.npz --case case.toml -o curve.csv",
        "report absent", "resume absent", "info absent", "transport absent.npy --voxel 1um",
    ]  # fmt: skip
    source = f"""
        import os, sys
        os.chdir({str(tmp_path)!r})
        from kalander.runs import cli
        codes = []
        for call in {calls!r}:
            code = cli.app([*call.split(), "--json"], standalone_mode=False)
            codes.append(code if isinstance(code, int) else 0)
        print(json.dumps([codes, "taichi" in sys.modules, "quadrants" in sys.modules]))
    """
    codes, *loaded = in_child(source, device=None)
    assert codes == [0, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2]
    assert loaded == [False, False]


def test_without_a_home_one_is_named(in_child) -> None:
    """As cron, systemd and containers start programs; an empty variable is none, too."""
    source = "import os; print(json.dumps([device.notes, os.environ['HOME']]))"
    notes, named = in_child(source, env={"HOME": "", "XDG_CACHE_HOME": ""})
    assert os.path.isabs(named)
    assert notes == [f"HOME is not set; {named} is used"]


HOOK = """
import signal, sys
class AtImport:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, AtImport())
"""


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [("typer", -signal.SIGINT, ""), ("kalander.runs.nip.solve", 75, cli.LOST + "\n")],
    ids=["first moments", "while nip loads"],
)
def test_an_interrupt_while_modules_load_is_a_quiet_end(tmp_path, module, code, said) -> None:
    done = started(tmp_path, "nip", "nip.toml", before=HOOK.format(module=module))
    assert (done.returncode, done.stderr) == (code, said)


def test_drawing_and_terminal_are_nobody_elses(tmp_path) -> None:
    """A backend that does not exist, TeX for all texts in the folder, and a terminal of ASCII."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\n")
    done = started(
        tmp_path, "nip", "nip.toml", "-o", "out", MPLBACKEND="module://absent", PYTHONIOENCODING="ascii:strict"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "nip_pressure.png").stat().st_size > 1000


def test_figures_do_not_depend_on_the_settings_of_a_session() -> None:
    @styled
    def drawn() -> bytes:
        figure, axes = new_figure(2.0, 1.0)
        axes[0, 0].set(xlabel="porosity", ylabel="pressure")
        return png(figure)

    with matplotlib.rc_context({"axes.linewidth": 5.0, "font.size": 30.0, "axes.facecolor": "red"}):
        own = drawn()
        assert matplotlib.rcParams["font.size"] == 30.0
    assert drawn() == own


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"a." * 3000 + "b": "1"}, ["--set", "more than 12 parts"]),
        ({"title": "\udcff"}, ["--set", "UTF-8"]),
        ({"\udcff": "1"}, ["--set", "UTF-8"]),
        ({"x" * 5000: "1"}, ["unknown key"]),
    ],
    ids=["many parts", "value of bytes", "key of bytes", "long key"],
)
def test_settings_that_are_none_are_refused_in_a_short_line(changes, words) -> None:
    with pytest.raises(InputError) as refused:
        load_card("nmc111", overrides=changes)
    for word in words:
        assert word in str(refused.value)
    assert max(len(line) for line in str(refused.value).splitlines()) < 1000


def test_a_list_with_too_few_values_is_refused(tmp_path) -> None:
    (tmp_path / "case.toml").write_text('[[material]]\nname = "a"\n')
    with pytest.raises(InputError, match=r"packing\.plates\[1\].*a list of 2 values or more"):
        load_compact_case(tmp_path / "case.toml", overrides={"packing.plates": "['1 um']"})


def test_messages_repeat_the_ends_of_long_words_alone() -> None:
    """Keys and paths may have thousands of characters; a reader needs to know which it was."""
    path = "/data/" + "x" * 5000 + "/study.h5"
    for failure in (CheckpointError(f"{path}: is empty"), InputError(Fault(path, path, "is a file", "a folder"))):
        assert len(str(failure)) < 600
        assert "/data/" in str(failure)
        assert "/study.h5" in str(failure)
    assert str(CheckpointError("short/path.h5: is empty; " * 30)) == "short/path.h5: is empty; " * 30


def test_warnings_of_libraries_are_one_line_and_long_options_are_cut(tmp_path) -> None:
    before = "import atexit, warnings; atexit.register(lambda: warnings.warn('overflow in multiply', RuntimeWarning))"
    done = started(tmp_path, "nip", "nip.toml", "--" + "x" * 3000, before=before)
    assert done.returncode == 2
    assert done.stderr.endswith("warning: overflow in multiply\n")
    assert max(len(line) for line in done.stderr.splitlines()) < 300

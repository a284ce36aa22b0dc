"""The `kalander` command. Parses, calls the verb of runs.api, prints; nothing heavy is imported before it is needed."""

import io
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Predict what calendering does to a lithium-ion electrode: particles, homogenisation, roll nip.",
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="one JSON object on stdout, in SI")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, vulkan or metal")]
Precision = Annotated[str, typer.Option(help="f64 or f32")]
Threads = Annotated[int | None, typer.Option(help="CPU threads; all cores if not given")]
Software = Annotated[bool, typer.Option("--allow-software-device", help="let a software rasteriser count as a GPU")]
SaveEvery = Annotated[str, typer.Option(help='wall time between saves, "30 s"; "0 s" saves at every step')]
Walltime = Annotated[str | None, typer.Option(help='stop with a save after this wall time, "2 h"')]
Settings = Annotated[list[str] | None, typer.Option("--set", help="change a value of the card: boxes.width='40 um'")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="move a study of other values aside to DIR.1, and keep what still holds")
]
Debug = Annotated[bool, typer.Option("--debug", help="show tracebacks")]

RESUMABLE = "interrupted; what was saved can be resumed by the same call"
LOST = "interrupted; nothing is saved on the way, call again to begin anew"
CTRL_C = 130


@app.command(epilog='Example: kalander run nmc111 -o studies/nmc111 --set boxes.replicas=5 --save-every "2 min"')
def run(
    card: Annotated[str, typer.Argument(help="a card file, or the name of a shipped card: nmc111")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="study folder; studies/CARD if not given")
    ] = None,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    settings: Settings = None,
    save_every: SaveEvery = "10 min",
    max_walltime: Walltime = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check the card, say what would be done, write nothing")
    ] = False,
    allow_software: Software = False,
    overwrite: Overwrite = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Compute a whole study, or go on with it if the folder holds it."""

    def work() -> dict[str, Any]:
        from kalander.coupling.cards.card import load_card

        times = _times(save_every, max_walltime)
        loaded = load_card(card, overrides=_overrides(settings), quick=quick)
        if dry_run:
            return _plan(loaded)
        folder = output or Path("studies") / Path(card).stem
        return _with_progress(
            "run", loaded, folder, json_output, device=device, precision=precision, threads=threads,
            allow_software=allow_software, overwrite=overwrite, **times,
        )  # fmt: skip

    _answer(work, json_output, debug, show=_show_study, interrupted=RESUMABLE)


@app.command(epilog="Example: kalander resume studies/nmc111")
def resume(
    folder: Annotated[Path, typer.Argument(help="study folder")],
    device: DeviceName = "auto",
    threads: Threads = None,
    save_every: SaveEvery = "10 min",
    max_walltime: Walltime = None,
    allow_software: Software = False,
    overwrite: Overwrite = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Go on with a study from its newest valid state."""

    def work() -> dict[str, Any]:
        options = {
            "device": device, "threads": threads, "allow_software": allow_software, "overwrite": overwrite,
        }  # fmt: skip
        return _with_progress("resume", None, folder, json_output, **options, **_times(save_every, max_walltime))

    _answer(work, json_output, debug, show=_show_study, interrupted=RESUMABLE)


@app.command(epilog="Example: kalander doctor --json")
def doctor(
    precision: Precision = "f64", threads: Threads = None, allow_software: Software = False,
    json_output: Json = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Say which devices can be used and why others cannot, versions, threads, memory, cache folder."""

    def work() -> dict[str, Any]:
        from kalander.runs import api

        return api.doctor(precision=precision, threads=threads, allow_software=allow_software)

    _answer(work, json_output, debug)


@app.command(epilog="Example: kalander info studies/nmc111/press.h5")
def info(
    path: Annotated[Path, typer.Argument(help="a study folder or a file of one")],
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Say what is in a study or a file, from which parents, made by what."""

    def work() -> dict[str, Any]:
        from kalander.runs import api

        return api.info(path)

    _answer(work, json_output, debug)


@app.command(epilog="Example: kalander report studies/nmc111")
def report(
    folder: Annotated[Path, typer.Argument(help="study folder")], json_output: Json = False, debug: Debug = False
) -> None:
    """Write one self-contained HTML page and PNG figures of a study."""

    def work() -> dict[str, Any]:
        from kalander.runs.report.report import write_report

        return {"study": str(folder), "report": str(write_report(folder))}

    _answer(work, json_output, debug, show=_show_study)


@app.command(epilog="Example: kalander pack nmc111 -o packing.npz --set boxes.replicas=1")
def pack(
    card: Annotated[str, typer.Argument(help="a card file or the name of a shipped card")],
    output: Annotated[Path, typer.Option("-o", "--output", help="npz file; one a replica")],
    settings: Settings = None,
    quick: Annotated[bool, typer.Option("--quick", help="the card's small variant")] = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Make the packings of a card: position, radius, type, box_size in SI."""

    def work() -> dict[str, Any]:
        from kalander.runs import api

        return api.pack(api.load_card(card, overrides=_overrides(settings), quick=quick), output)

    _answer(work, json_output, debug)


@app.command(epilog="Example: kalander nip nip.toml --json")
def nip(
    case: Annotated[Path, typer.Argument(help="a nip case file")],
    model: Annotated[str, typer.Option(help="fast, or fem for finite elements")] = "fast",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder for figures and fields")] = None,
    settings: Settings = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Line load, pressure profile, nip angle, exit thickness and springback of a pass."""

    def work() -> dict[str, Any]:
        from kalander.runs import api

        return api.nip(case, model=model, output=output, overrides=_overrides(settings))

    _answer(work, json_output, debug)


@app.command(epilog="Example: kalander compact packing.npz --case compact.toml -o curve.csv --json")
def compact(
    packing: Annotated[Path, typer.Argument(help="npz, LAMMPS data or dump, or a study's pack.h5")],
    case: Annotated[Path, typer.Option("--case", help="a compaction case file")],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV file of the curve")],
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    settings: Settings = None,
    save_every: SaveEvery = "10 min",
    max_walltime: Walltime = None,
    allow_software: Software = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Press a given packing along a given path; an interrupted call goes on where it was."""

    def work() -> dict[str, Any]:
        from kalander.runs import api
        from kalander.runs.show import progress_display

        times, overrides = _times(save_every, max_walltime), _overrides(settings)
        with progress_display() as show:
            return api.compact(
                packing, case, output, overrides=overrides, device=device, precision=precision, threads=threads,
                allow_software=allow_software, on_progress=show, **times,
            )  # fmt: skip

    _answer(work, json_output, debug, interrupted=RESUMABLE)


@app.command(epilog='Example: kalander transport image.npy --voxel "0.5 um" --axis all --json')
def transport(
    image: Annotated[
        str,  # a Path would turn "" into the folder one stands in
        typer.Argument(help="npy, npz, TIFF stack, HDF5, folder of slices; or a packing (npz, LAMMPS, pack.h5)"),
    ],
    voxel: Annotated[str | None, typer.Option(help='voxel size: "0.5 um", or "0.5 um, 0.5 um, 1 um"')] = None,
    axis: Annotated[str, typer.Option(help="x, y, z, several with commas, or all")] = "all",
    phase: Annotated[str, typer.Option(help='label that conducts, or labels with diffusivities: "1, 2=0.33"')] = "1",
    periodic: Annotated[bool, typer.Option("--periodic", help="sides wrap around; else nothing goes through")] = False,
    dataset: Annotated[
        str | None, typer.Option(help="dataset of an HDF5 file, or series of a TIFF, of several")
    ] = None,
    length_unit: Annotated[str | None, typer.Option(help='unit of the lengths in a LAMMPS file: "1 um"')] = None,
    replica: Annotated[int, typer.Option(help="packing of a study's pack.h5")] = 0,
    tolerance: Annotated[float, typer.Option(help="relative error of the flux")] = 1e-6,
    device: DeviceName = "auto",
    precision: Precision = "f64",
    threads: Threads = None,
    allow_software: Software = False,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Porosity, effective diffusivity, tortuosity and MacMullin number of a voxel image or a packing."""

    def work() -> dict[str, Any]:
        from kalander.runs import api

        return api.transport(
            image, voxel=voxel, axis=axis, phase=phase, periodic=periodic, dataset=dataset, length_unit=length_unit,
            replica=replica, tolerance=tolerance, device=device, precision=precision, threads=threads,
            allow_software=allow_software,
        )  # fmt: skip

    _answer(work, json_output, debug)


def main() -> None:
    """Entry point: exit codes of kalander.kernels.errors; 70 for a bug, a quiet end for a closed pipe."""
    _be_independent()
    try:
        # outside of its standalone mode typer returns the code of an Exit instead of leaving with it
        code = app(standalone_mode=False)
    except Exception as failure:
        if type(failure).__module__.startswith(("click", "typer")) and hasattr(failure, "show"):
            _show_wrong_options(failure)
            sys.exit(2)
        if isinstance(failure, OSError):  # help that cannot be printed
            sys.exit(_lost(failure))
        raise
    if code == CTRL_C:  # as typer answers it before a verb begins
        print(LOST, file=sys.stderr)
        code = 75
    sys.exit(code if isinstance(code, int) else 0)


def _lost(failure: OSError) -> int:
    """Say that stdout takes nothing; a reader that has gone away need not be told."""
    from kalander.runs.command.failures import described, flush_stdout, tell

    flush_stdout()
    if isinstance(failure, BrokenPipeError):
        return 0
    line, code = described(OSError(failure.errno, failure.strerror, "standard output"))
    tell(line)
    return code


def _be_independent() -> None:
    """Take nothing from whoever starts the command that would change what it does: matplotlib, terminal, warnings."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # small dense systems: BLAS threads only wait for each other
    os.environ["MPLBACKEND"], os.environ["MATPLOTLIBRC"] = "agg", os.devnull
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # see runs.start; one that is ignored stays ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the command
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no "–" or "µ" gets "?" for them
        sys.stdout.reconfigure(errors="replace")
    if "--debug" not in sys.argv:  # libraries warn with a line of their source
        warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    """A warning of a library in one line."""
    print(f"warning: {message}", file=sys.stderr)


def _show_wrong_options(failure: Any) -> None:
    """What is wrong with the options: a text made for people, in which what was typed may be of any length."""
    from kalander.kernels.errors import shortened

    shown = io.StringIO()
    failure.show(file=shown)
    print(shortened(shown.getvalue()), end="", file=sys.stderr)


def _answer(
    work: Callable[[], dict[str, Any]],
    json_output: bool,
    debug: bool,
    *,
    show: Callable[[dict[str, Any]], None] | None = None,
    interrupted: str = LOST,
) -> None:
    """Do the work, print its answer, and turn what goes wrong into an exit code."""
    from kalander.runs.command.failures import PlainFormatter, described, flush_stdout, tell

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("kalander").setLevel(logging.INFO)
    try:
        answer = work()
        _print(answer, None if json_output else show or _show_plain)
    except BrokenPipeError:
        flush_stdout()
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        raise typer.Exit(75) from None
    except Exception as failure:
        flush_stdout()
        if debug:
            raise
        line, code = described(failure)
        tell(line)
        raise typer.Exit(code) from None


def _print(answer: dict[str, Any], show: Callable[[dict[str, Any]], None] | None) -> None:
    """Print an answer as a person reads it, or as JSON; an error of stdout says that it is stdout's."""
    try:
        if show is None:
            print(json.dumps(answer, allow_nan=False))
        else:
            show(answer)
        sys.stdout.flush()
    except OSError as failure:
        if failure.filename is None and not isinstance(failure, BrokenPipeError):
            failure.filename = "standard output"
        raise


def _with_progress(verb: str, card: Any, folder: Path, json_output: bool, **options: Any) -> dict[str, Any]:
    from kalander.runs import api
    from kalander.runs.show import progress_display

    with progress_display() as show:
        if verb == "run":
            done = api.run(card, folder, on_progress=show, **options)
        else:
            done = api.resume(folder, on_progress=show, **options)
    return done.answer()


def _times(save_every: str, max_walltime: str | None) -> dict[str, float]:
    from kalander.coupling.cards.quantity import QuantityError, parse_quantity
    from kalander.kernels.errors import Fault, InputError

    times, faults = {}, []
    for name, text in (("save_every", save_every), ("max_walltime", max_walltime)):
        if text is None:
            continue
        try:
            times[name] = parse_quantity(text, "time")
            if times[name] < 0:
                faults.append(Fault(f"--{name.replace('_', '-')}", text, "is negative", 'a time such as "30 s"'))
        except QuantityError as error:
            faults.append(Fault(f"--{name.replace('_', '-')}", text, error.why, error.allowed, error.nearest))
    if faults:
        raise InputError(faults)
    return times


def _overrides(settings: list[str] | None) -> dict[str, str]:
    from kalander.kernels.errors import Fault, InputError

    wrong = [setting for setting in settings or [] if "=" not in setting]
    if wrong:
        raise InputError(
            [Fault("--set", setting, "has no '='", "key=value, such as boxes.replicas=5") for setting in wrong]
        )
    return dict(setting.split("=", 1) for setting in settings or [])


def _plan(card: Any) -> dict[str, Any]:
    """What a run would do, without doing it."""
    from kalander.coupling.cards.estimates import memory_estimate, particle_estimate, step_estimate, time_step
    from kalander.runs import answers

    stresses = len(card.press.stress)
    return {
        **answers.electrode_answer(card),
        "boxes": card.boxes.replicas * stresses,
        "particles": round(particle_estimate(card.electrode, card.boxes) * stresses),
        "time_step_s": time_step(card.electrode, card.press, card.step),
        "steps_at_least": round(step_estimate(card.electrode, card.press, card.step)),
        "memory_bytes": round(memory_estimate(particle_estimate(card.electrode, card.boxes) * stresses)),
        "warnings": list(card.warnings),
    }


def _show_study(answer: dict[str, Any]) -> None:
    """The summary of a study as a table; a plan, which has no study, as lines."""
    if "study" not in answer:
        return _show_plain(answer)
    from kalander.runs.command.terminal import print_summary

    print_summary(Path(answer["study"]))
    print(f"report: {answer['report']}")


def _show_plain(answer: dict[str, Any], indent: str = "") -> None:
    """Nested answer as indented lines; long lists by their length."""
    from kalander.runs.command.failures import printable

    for key, value in answer.items():
        name = printable(key, lines=False)
        if isinstance(value, dict):
            print(f"{indent}{name}:")
            _show_plain(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                print(f"{indent}{name}:")
                _show_plain(item, indent + "  ")
        elif isinstance(value, list) and len(value) > 12:
            print(f"{indent}{name}: {len(value)} values")
        else:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            print(f"{indent}{name}: {printable(text, lines=False)}")


if __name__ == "__main__":
    main()

"""Options that verbs share, and what is made of their words."""

from typing import Annotated

import typer

__all__ = [
    "Debug", "DeviceName", "Json", "Overwrite", "Precision", "SaveEvery", "Settings", "Software", "Threads",
    "Walltime", "overrides_of", "pressure_of", "quantities_of", "times_of",
]  # fmt: skip

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


def times_of(save_every: str, max_walltime: str | None) -> dict[str, float]:
    """Seconds of both times. Raises InputError."""
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


def pressure_of(option: str, text: str) -> float:
    """Pascals of a text with a unit. Raises InputError."""
    from kalander.coupling.cards.quantity import QuantityError, parse_quantity
    from kalander.kernels.errors import Fault, InputError

    try:
        return parse_quantity(text, "pressure")
    except QuantityError as error:
        raise InputError(Fault(option, text, error.why, error.allowed, error.nearest)) from None


def overrides_of(settings: list[str] | None) -> dict[str, str]:
    """Dotted keys and values of --set. Raises InputError."""
    from kalander.kernels.errors import Fault, InputError

    wrong = [setting for setting in settings or [] if "=" not in setting]
    if wrong:
        raise InputError(
            [Fault("--set", setting, "has no '='", "key=value, such as boxes.replicas=5") for setting in wrong]
        )
    return dict(setting.split("=", 1) for setting in settings or [])


def quantities_of(option: str, text: str, dimension: str) -> list[float]:
    """Quantities [SI] of a text with commas. Raises InputError that names the option."""
    from kalander.coupling.cards.quantity import QuantityError, parse_quantity
    from kalander.kernels.errors import Fault, InputError

    values, faults = [], []
    for part in text.split(","):
        try:
            values.append(parse_quantity(part.strip(), dimension))
        except QuantityError as error:
            faults.append(Fault(option, part.strip(), error.why, error.allowed, error.nearest))
    if faults:
        raise InputError(faults)
    return values

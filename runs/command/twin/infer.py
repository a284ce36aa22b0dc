"""`kalander infer CASE.toml`: the tortuosity law from impedance spectra of symmetric cells."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kalander.runs.shell.answering import answer
from kalander.runs.shell.options import Debug, Json, Settings, overrides_of

__all__ = ["EXAMPLE", "infer"]

EXAMPLE = "kalander infer infer.toml -o spectra --into studies/nmc111 --json"


def infer(
    case: Annotated[Path, typer.Argument(help="an inference case file")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder for figures")] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="study folder, whose transport closure the law becomes")
    ] = None,
    design: Annotated[
        bool, typer.Option("--design", help="say which further measurements would halve the interval of alpha")
    ] = False,
    settings: Settings = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Posterior of the law tau = f eps^(-alpha), and of R_ion, tortuosity and MacMullin number of each spectrum."""

    def work() -> dict[str, Any]:
        import logging

        from kalander.coupling.cases.infer import load_infer_case
        from kalander.coupling.results.study import Study
        from kalander.coupling.store.atomic import own_folder, try_output
        from kalander.twin.inference.case import answer_of, infer_case

        study = None if into is None else Study.open(into)
        loaded = load_infer_case(case, overrides=overrides_of(settings))
        if output is not None:  # before the work
            own_folder(output, parents=True)
            try_output(output / "tortuosity.png")
        done = infer_case(loaded)
        for warning in done.warnings:
            logging.getLogger("kalander").warning(warning)
        found = answer_of(done)
        if design:
            from kalander.twin.inference.design import design_answer

            found["design"] = design_answer(done)
        if output is not None or study is not None:
            from kalander.runs.page.inference import keep_law, write_inference

            found["files"] = write_inference(done, output) if output is not None else []
            if study is not None:
                found["files"] += keep_law(done, study)
        return found

    answer(work, json_output, debug)

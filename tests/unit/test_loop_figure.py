"""An exchange between nip and particles in sentences and as a figure."""

from kalander.runs.page.coating.loop_figure import loop_figure, loop_in_words


def exchange(*, measured: bool) -> dict:
    """Two rounds and two stations, as Study.exchange answers."""
    rounds = [
        {"round": number, "line_load_N_per_m": 2e5, "stress_miss": miss, "load_miss": 0.5 * miss,
         "path_miss": 0.1 * miss, "noise": 0.03 if measured else None}
        for number, miss in ((1, 0.2), (2, 0.01))
    ]  # fmt: skip
    stations = [
        {"depth": depth, "porosity": porosity, "porosity_sd": 0.01 if measured else None,
         "tortuosity": [2.0, 2.0, 3.5 + porosity] if measured else [None] * 3}
        for depth, porosity in ((0.25, 0.31), (0.75, 0.34))
    ]  # fmt: skip
    return {"rounds": rounds, "stations": stations, "converged": measured}


def test_rounds_and_both_sides_are_told_in_sentences() -> None:
    first, second, agreed, sides = loop_in_words(exchange(measured=True))
    assert first.startswith("Round 1 of nip and particles: 200 N/mm, which what it taught moves by 10.00%")
    assert "20.0% where the seeds leave 3.0% open." in first
    assert "Round 2" in second
    assert agreed == "Both scales agree."
    assert sides.endswith("porosity of 31.0 ± 1.0 %, the foil side 34.0 ± 1.0 %, tortuosities 3.81 and 3.84.")
    assert loop_in_words(exchange(measured=False))[2:] == [
        "Both scales do not agree yet.", "Released, the roll side has a porosity of 31.0 %, the foil side 34.0 %.",
    ]  # fmt: skip


def test_the_figure_has_misses_by_round_and_the_coating_by_depth() -> None:
    misses, coating, tortuosity = loop_figure(exchange(measured=True)).axes
    assert [line.get_label() for line in misses.lines] == ["stress", "line load", "strain", "seeds, stress"]
    assert coating.get_ylabel() == "porosity"
    assert list(tortuosity.lines[0].get_xdata()) == [25.0, 75.0]
    assert len(loop_figure(exchange(measured=False)).axes) == 2

"""The report of a study: one self-contained HTML file, and its figures as PNG files beside it."""

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from kalander.coupling.cards.card import Card, card_to_dict
from kalander.coupling.cards.fields import Quantity
from kalander.coupling.cards.quantity import DIMENSIONS
from kalander.coupling.cards.sections import number_field
from kalander.coupling.homogenise.moduli import FREE, stiffness_by_density
from kalander.coupling.results.coating.homogenise import known_coating
from kalander.coupling.results.fracture import judges
from kalander.coupling.results.pressed import press_answer
from kalander.coupling.results.study import Study
from kalander.coupling.scales import in_unit
from kalander.coupling.store.atomic import own_folder, replacing, try_output
from kalander.coupling.store.store import canonical_json
from kalander.coupling.structure.measured_law import read_law
from kalander.coupling.study.study import RECORD_NAME
from kalander.runs.page.coating.homogenised_figure import moduli_figure
from kalander.runs.page.coating.loop_figure import loop_figure, loop_in_words
from kalander.runs.page.figures import compaction_figure, damage_figure, honesty_figure
from kalander.runs.page.fracture_figure import fracture_figure
from kalander.runs.page.law_figure import tortuosity_figure
from kalander.runs.page.nip_figure import nip_figure
from kalander.runs.page.packing_figure import bed_before, bed_pressed, packing_figure
from kalander.runs.page.parts.answer import answer_of
from kalander.runs.page.parts.process import process_figure, process_table
from kalander.runs.page.parts.provenance import origins
from kalander.runs.page.parts.sizes_figure import sizes_figure
from kalander.runs.page.parts.templates_of import inline_png, rendered
from kalander.runs.page.parts.transport_figure import transport_figure
from kalander.runs.page.parts.view3d import packing_view, viewer_script
from kalander.runs.page.plot_style import png, vector
from kalander.runs.page.tables import nip_settings, published_at, summarise

__all__ = ["Drawn", "Picture", "drawn_already", "study_figures", "write_figures", "write_report"]

log = logging.getLogger(__name__)

MARK_LENGTH = 4096  # bytes at the end of a page that hold the comment on what it is drawn from


@dataclass(frozen=True)
class Picture:
    """A figure as PNG, its file name, and what one sees on it."""

    name: str
    content: bytes
    caption: str

    @property
    def inline(self) -> str:
        """The PNG as a data address."""
        return inline_png(self.content)


@dataclass(frozen=True)
class Drawn:
    """A figure of a study, its file name, and what one sees on it."""

    name: str
    figure: Figure
    caption: str


def write_report(study: Study) -> Path:
    """Write DIR/report.html and DIR/figures/*.png from whatever stages are finished; returns the path of the page.

    Raises StorageError.
    """
    folder, results = study.folder, study
    figures = folder / "figures"
    own_folder(figures)
    try_output(folder / "report.html")
    pictures = [Picture(one.name, png(one.figure), one.caption) for one in study_figures(results)]
    for picture in pictures:
        with replacing(figures / f"{picture.name}.png") as handle:
            handle.write(picture.content)
    page = folder / "report.html"
    with replacing(page) as handle:
        handle.write(_page(results, pictures).encode("utf-8"))
        handle.write(_mark(results, [picture.name for picture in pictures]))
    log.info("report: %s", page)
    return page


def drawn_already(study: Study) -> bool:
    """Whether the page in the folder, and its figures, are drawn from what the folder and the card hold now."""
    page, figures = study.folder / "report.html", study.folder / "figures"
    try:
        with open(page, "rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - MARK_LENGTH))
            last = handle.read().rpartition(b"\n<!-- ")[2]
        names = sorted(path.stem for path in figures.glob("*.png"))
        return last == _mark(study, names).rpartition(b"\n<!-- ")[2]
    except OSError:
        return False


def _mark(study: Study, names: list[str]) -> bytes:
    """A comment that ends a page: the sum of what it is drawn from, and its figures."""
    content = hashlib.sha256(version("kalander").encode())
    content.update(canonical_json(card_to_dict(study.card)).encode())
    for path in sorted(study.folder.glob("*.h5")):
        if path.name == RECORD_NAME:  # of who ran the study, and when
            continue
        content.update(path.name.encode())
        with open(path, "rb") as handle:
            content.update(hashlib.file_digest(handle, "sha256").digest())
    return f"\n<!-- drawn from {content.hexdigest()}: {', '.join(sorted(names))} -->\n".encode()


def write_figures(study: Study, folder: Path, kinds: Sequence[str]) -> list[Path]:
    """Every figure of a study in formats of matplotlib, svg or pdf; the files. Raises StorageError."""
    written = []
    for drawn in study_figures(study) if kinds else ():
        for kind in kinds:
            written.append(folder / f"{drawn.name}.{kind}")
            with replacing(written[-1]) as handle:
                handle.write(vector(drawn.figure, kind))
    return written


def study_figures(results: Study) -> Iterator[Drawn]:
    """The figures that the finished stages allow."""
    card = results.card
    packed, pressed, rolled = (results.data(name) for name in ("pack", "press", "nip"))
    chart = process_table(results)
    if len(chart["line_load"]) > 1:
        yield Drawn("process", process_figure(results, chart), PROCESS_CAPTION)
    if packed is not None:
        beds = [bed_before(packed)] + ([] if pressed is None else [bed_pressed(pressed)])
        yield Drawn("packing", packing_figure(beds), PACKING_CAPTION)
        yield Drawn("sizes", sizes_figure(card, packed), SIZES_CAPTION)
    if pressed is not None:
        yield Drawn("compaction", compaction_figure(card, pressed), COMPACTION_CAPTION)
        yield Drawn("damage", damage_figure(card, pressed), DAMAGE_CAPTION)
        if pressed.tables["boxes"]["reached"].any() and judges(pressed):
            yield Drawn("fracture", fracture_figure(card, pressed), FRACTURE_CAPTION)
    if rolled is not None and rolled.tables["settings"]["solved"].any():
        yield Drawn("nip", nip_figure(card, rolled), NIP_CAPTION)
    if results.data("loop") is not None:
        yield Drawn("loop", loop_figure(results.exchange), LOOP_CAPTION)
    coating = known_coating(results)
    if coating is not None and stiffness_by_density(coating) and stiffness_by_density(coating, FREE):
        yield Drawn("moduli", moduli_figure(coating), MODULI_CAPTION)
    measured, transport = read_law(results.folder), results.data("transport")
    if transport is not None:
        yield Drawn("transport", transport_figure(transport), TRANSPORT_CAPTION)
    if measured is not None:
        states = None if transport is None else transport.tables["states"]
        yield Drawn("tortuosity", tortuosity_figure(measured, states), TORTUOSITY_CAPTION)
    if pressed is not None:
        yield Drawn("honesty", honesty_figure(pressed), HONESTY_CAPTION)


PROCESS_CAPTION = (
    "Process chart: what the calender of the card leaves, against its line load (left) and its set gap (right; harder "
    "to the right), elastic rolls in their stand. Band: standard deviation over the packings at the same pressure. "
    "Cracked share under load; tortuosity in the packings released from each stress. Diamonds: published, at their own "
    "set gap, and on the left at the load whose peak is their stress."
)
SIZES_CAPTION = (
    "Particle sizes by volume: orange what the card asks for, grey what each box holds. Few large particles fit in a "
    "small box."
)
TRANSPORT_CAPTION = (
    "Ions and electrons against porosity, a point for each packing, as laid and released from each stress: tortuosity "
    "through the plane (full) and in it (open), conduction of ions over that of free electrolyte, conductivity of "
    "electrons. A packing through which nothing goes has no point."
)
PACKING_CAPTION = (
    "Representative volume of the first replica, one coating side between two platens, before pressing and after the "
    "largest stress and release, at one scale. The box is periodic in the plane and cut at its sides: light discs are "
    "sections of particles. Orange: loaded beyond its strength at least once. Binder and carbon fill part of the "
    "space between the particles and are not drawn."
)
COMPACTION_CAPTION = (
    "Porosity of the coating against pressure. Thin grey: each replica; black: their mean in a band of one standard "
    "deviation; coloured: release from each stress. Full circle: under load; open circle: the same coating released, "
    "drawn at the stress it was pressed to, as the published values (diamonds) are. A state at no stress stands at the "
    "left edge."
)
DAMAGE_CAPTION = (
    "Share of the binder bonds broken, share of the particle volume ever loaded beyond its strength, and contacts of a "
    "particle, on loading (mean of the replicas, with one standard deviation) and after release from each stress."
)
FRACTURE_CAPTION = (
    "Particles over-stressed at least once, by all criteria in one press. Left: share of the particle volume against "
    "pressure, mean of the replicas; diamonds: shares of the particles that the literature gives (computed there, with "
    "a mean stress against a strength that falls with size). Right: share of the particles of each size, after the "
    "largest (lines) and the smallest stress (dots). All criteria compare with the same strengths; none is fitted."
)
NIP_CAPTION = (
    "Above: pressure on the web along the nip for each setting that has a solution; solid with elastic, dashed with "
    "rigid rolls; the strokes on the axis mark entry and exit. Below: the web between the rolls, to scale along the "
    "web, heights exaggerated."
)
LOOP_CAPTION = (
    "Nip and particles in turn. Left: by how much the law of a round misses the stress of the particles, and what they "
    "taught moves the line load and the strains; grey: what the seeds leave open of the stress. Right: "
    "porosity (blue, one standard deviation over the seeds) and tortuosity of the released coating from roll to foil."
)
MODULI_CAPTION = (
    "Young's moduli of the boxes (kalander homogenise) along the machine direction, across it and along z, by the "
    "network of their contacts and bonds: full under load, open as laid and as released, each at its own density, with "
    "one standard deviation over the seeds. Right: mean of the plane over z; above 1 the plane is stiffer."
)
TORTUOSITY_CAPTION = (
    "Tortuosity through the plane against porosity. Blue: the law that impedance spectra of symmetric cells gave "
    "(kalander infer --into), with its 90 % band; orange: each electrode by its own spectrum. Green: the "
    "microstructures of this study and their law, with the 90 % band of its fit."
)
HONESTY_CAPTION = (
    "How far the particle runs can be trusted: kinetic over elastic energy, inertial number, error of the energy "
    "balance and largest overlap, each box a line, against the strain of the coating. Beyond the dashed limits a "
    "result is flagged."
)


def _page(results: Study, pictures: list[Picture]) -> str:
    """The page from its template. Every value is escaped."""
    summary, view = summarise(results), packing_view(results)
    return rendered(
        "report.html",
        title=results.card.title or results.folder.name,
        answer=answer_of(results).rows,
        sentences=result_in_words(results),
        summary=summary,
        missing=results.missing,
        pictures=pictures,
        view=view,
        script=viewer_script() if view else "",
        origins=origins(results),
        identity=results.identity,
        device=results.made_on,
        calibrated=[_calibrated_row(results.card, index) for index in range(len(results.card.calibrated))],
        published=results.card.published,
        config=card_to_dict(results.card),
    )


def result_in_words(results: Study) -> list[str]:
    """The result in sentences; those whose stage is missing are left out."""
    card = results.card
    sentences = [f"A coating of {100 * card.electrode.porosity:.1f} % porosity is calendered."]
    pressed, rolled = results.data("press"), results.data("nip")
    if pressed is None:
        return [*sentences, "It has not been pressed yet."]
    for row in press_answer(card, pressed):
        stress = f"{in_unit(row['stress_Pa'], 'MPa'):.4g} MPa"
        if row["replicas_reached"] == 0:
            sentences.append(f"No replica reached {stress}.")
            continue
        scatter = "" if row["porosity_sd"] is None else f" ± {100 * row['porosity_sd']:.1f}"
        sentences.append(
            f"Under {stress} its porosity falls to {100 * row['porosity_loaded']:.1f} %; released it returns to "
            f"{100 * row['porosity_released']:.1f}{scatter} %{_beside_published(card, row['stress_Pa'])}, "
            f"with {_broken(row['broken_bond_fraction'])} and {_cracked(row['cracked_fraction'])}."
        )
    for setting in [] if rolled is None else nip_settings(rolled):
        if setting["elastic_rolls"] and setting["solved"] and setting["name"].startswith("stress"):
            sentences.append(
                f"In the nip a peak of {in_unit(setting['peak_pressure_Pa'], 'MPa'):.4g} MPa takes a line load of "
                f"{in_unit(setting['line_load_N_per_m'], 'N/mm'):.3g} N/mm; "
                f"the web leaves {in_unit(setting['exit_thickness_m'], 'um'):.1f} µm thick."
            )
    return sentences + ([] if results.data("loop") is None else loop_in_words(results.exchange))


def _broken(share: float | None) -> str:
    """What became of the binder; None: there is none."""
    return "no binder" if share is None else f"{100 * share:.0f} % of the binder bonds broken"


def _cracked(share: float | None) -> str:
    """What became of the particles; None: no criterion asked."""
    if share is None:
        return "no judgement of cracks (fracture.criterion is none)"
    return f"{100 * share:.1f} % of the particle volume cracked"


def _beside_published(card: Card, stress: float) -> str:
    """What was published for a stress, in brackets."""
    point = published_at(card, stress)
    if point is None or point.porosity is None:
        return ""
    return f" (published as {point.name}: {100 * point.porosity:.1f} %)"


def _calibrated_row(card: Card, index: int) -> dict[str, str]:
    """A calibrated key with its value and range in SI, and the reason."""
    item = card.calibrated[index]
    value: Any = card
    for name in item.key.split("."):
        value = getattr(value, name)
    field = number_field(item.key)
    unit = f" {DIMENSIONS[field.dimension].unit}" if isinstance(field, Quantity) else ""
    low, high = item.range
    shown = "none" if value is None else f"{value:.4g}{unit}"
    return {"key": item.key, "value": shown, "range": f"{low:.4g} to {high:.4g}{unit}", "reason": item.reason}

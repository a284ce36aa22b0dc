"""The stages of a study: recipe → packing → pressed → closure → nip, and transport in all packings; generators."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from kalander.coupling.cards.card import Card, card_to_dict
from kalander.coupling.homogenise.closure import CLOSURE, closure_table
from kalander.coupling.homogenise.stored import HOMOGENISED
from kalander.coupling.nip.names import NIP
from kalander.coupling.nip.solve import nip_tables
from kalander.coupling.packings.stored import PACKED
from kalander.coupling.stages.faults.result_faults import RESULT_FAULTS
from kalander.coupling.stages.faults.state_faults import state_faults
from kalander.coupling.stages.hold import held_closure_work, hold_temperatures, hold_time, relaxes
from kalander.coupling.stages.loop import loop_stages
from kalander.coupling.stages.pack import HALF_PACKED, half_packed_faults, pack_work
from kalander.coupling.stages.press import PRESSED, press_work, question_of
from kalander.coupling.stages.rounds import Layered
from kalander.coupling.stages.transport import HALF_MEASURED, TRANSPORT, half_measured_faults, transport_work
from kalander.coupling.store.store import Data
from kalander.coupling.study.stage import Progress, Stage
from kalander.dem.loading.record import STATE

__all__ = ["card_stages", "schedule_for"]


def card_stages(card: Card, *, precision: str = "f64", schedule: str = "boxes") -> tuple[Stage, ...]:
    """Stages of a card in order, without transport where the card wants none. Each names the slice of the card its
    result depends on."""
    whole = card_to_dict(card)
    pack_keys = ("seed", "electrode", "binder", "boxes")
    press_keys = ("contact", "fracture", "press", "step", "binder")
    stages = (
        Stage(
            "pack", 3, (), _slice(whole, pack_keys), PACKED, HALF_PACKED, lambda _, state: pack_work(card, state),
            check_state=lambda state: half_packed_faults(card, state),
        ),
        Stage(
            "press", 8, ("pack",), {**_slice(whole, press_keys), "material": whole["electrode"]["active"]},
            PRESSED, STATE,
            lambda inputs, state: press_work(card, inputs["pack"], state, precision, schedule),
            uses_device=True, check_state=lambda state: state_faults(state, question_of(card)),
        ),
        _closure_stage(card, precision, schedule),
        Stage(
            "nip", 3, ("closure",), _slice(whole, ("calender", "electrode", "press")), NIP, {},
            lambda inputs, _: _nip(card, inputs["closure"]),
        ),
        Stage(
            "transport", 4, ("pack", "press"), _slice(whole, ("electrode", "binder", "transport")),
            TRANSPORT, HALF_MEASURED,
            lambda inputs, state: transport_work(card, inputs["pack"], inputs["press"], state, precision, schedule),
            uses_device=True, check_state=half_measured_faults,
        ),
    )  # fmt: skip
    wanted = stages if card.transport.measured else stages[:-1]
    checked = tuple(replace(stage, check_result=RESULT_FAULTS[stage.name]) for stage in wanted)
    if card.multiscale is None:
        return checked
    own, layered = _layers(card, precision=precision, schedule=schedule)
    place = [stage.name for stage in checked].index("nip") + 1
    loop = loop_stages(card, layered, precision=precision, schedule=schedule)
    return (*checked[:place], *own, *loop, *checked[place:])


def _layers(card: Card, *, precision: str, schedule: str) -> tuple[tuple[Stage, ...], Layered]:
    """Stages of the layers of [multiscale] that are not the card itself, up to their closures: pack_1, press_1, ..."""
    assert card.multiscale is not None
    cards, names, own = [], [], []
    for number, layer in enumerate(card.multiscale.layers, start=1):
        alone = card.layer_card(number - 1) if card.multiscale.layer else card.model_copy(update={"multiscale": None})
        ending = f"_{number}" if layer.set else ""
        cards.append(alone)
        names.append(ending)
        if ending:
            chain = card_stages(alone, precision=precision, schedule=schedule)
            end = [stage.name for stage in chain].index("closure")
            own += [_renamed(stage, ending) for stage in chain[: end + 1]]
    packs, closures = (tuple(f"{name}{ending}" for ending in names) for name in ("pack", "closure"))
    return tuple(own), Layered(tuple(cards), packs, closures)


def _renamed(stage: Stage, ending: str) -> Stage:
    """A stage and its parents under other names."""

    def work(inputs: dict[str, Data], state: Data | None) -> Generator[Progress, None, Data]:
        own = {name.removesuffix(ending): data for name, data in inputs.items()}
        steps = stage.work(own, state)
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            yield replace(progress, stage=f"{stage.name}{ending}")

    parents = tuple(f"{name}{ending}" for name in stage.parents)
    return replace(stage, name=f"{stage.name}{ending}", parents=parents, work=work)


def _closure_stage(card: Card, precision: str, schedule: str) -> Stage:
    """The closure: of pressed boxes alone, or of boxes held as well where the binder relaxes and the nip feels it."""
    if not relaxes(card):
        return Stage("closure", 3, ("press",), {}, CLOSURE, {}, lambda inputs, _: _closure(card, inputs["press"]))
    return Stage(
        "closure", 4, ("pack", "press"), {"held_at": list(hold_temperatures(card)), "held_for": hold_time(card)},
        HOMOGENISED, {},
        lambda inputs, _: held_closure_work(card, inputs["pack"], inputs["press"], precision, schedule),
        uses_device=True,
    )  # fmt: skip


def _slice(whole: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: whole[key] for key in keys}


def schedule_for(device_kind: str) -> str:
    """Schedule that suits the device; the result does not depend on it."""
    return "boxes" if device_kind == "cpu" else "bodies"


def _closure(card: Card, pressed: Data) -> Generator[Progress, None, Data]:
    yield Progress("closure", 0.0, "fitting the pressing curves", lambda: Data({}, {}))
    return closure_table(pressed, porosity=card.electrode.porosity)


def _nip(card: Card, closure: Data) -> Generator[Progress, None, Data]:
    yield Progress("nip", 0.0, "rolling", lambda: Data({}, {}))
    return nip_tables(card, closure)

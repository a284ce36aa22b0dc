"""From the numbers of an electrode to parameters of a cell, by PyBaMM's names; pure, without PyBaMM. SI.

Equations, symbols, sources: twin/cell/README.md.
"""

import math
from dataclasses import dataclass

from kalander.coupling.cards.electrode import Electrode
from kalander.coupling.scales import in_si, in_unit
from kalander.kernels.quantities import solid_share
from kalander.twin.cell.state import ElectrodeState

__all__ = ["FARADAY", "KNOWN_SETS", "Design", "KnownSet", "cell_parameters", "design_of", "exponent_of"]

FARADAY = 96485.33212  # [C/mol], CODATA 2018: exact
# what each set is, and where it is published; PyBaMM ships both
KNOWN_SETS = {
    "Mohtat2020": "graphite/NMC532 pouch cell; Mohtat, Lee, Sulzer, Siegel, Stefanopoulou, J. Electrochem. Soc. 167 "
    "(2020) 110561",
    "Chen2020": "graphite-SiOx/NMC811 cell LG M50; Chen et al., J. Electrochem. Soc. 167 (2020) 080534",
}


@dataclass(frozen=True)
class KnownSet:
    """Numbers of a published cell that the mapping needs: concentrations [mol/m³], thicknesses [m], stoichiometries.

    *_empty and *_full: stoichiometry of the cell at its lowest and at its highest voltage.
    """

    name: str
    positive_concentration: float
    positive_empty: float
    positive_full: float
    negative_concentration: float
    negative_empty: float
    negative_full: float
    negative_active: float
    negative_collector: float
    separator: float
    lower_voltage: float
    upper_voltage: float

    @property
    def positive_charge(self) -> float:
        """Charge over the volume of positive material between both voltages [A s/m³]."""
        return FARADAY * self.positive_concentration * (self.positive_empty - self.positive_full)

    @property
    def negative_charge(self) -> float:
        """Charge over the volume of negative material between both voltages [A s/m³]."""
        return FARADAY * self.negative_concentration * (self.negative_full - self.negative_empty)


@dataclass(frozen=True)
class Design:
    """What all states of a study share: capacity [A s/m²] of the recipe, anode and half foils [m].

    anode: structure of an anode of a study of its own, whose thickness is not used; None: that of the set.
    """

    nominal_capacity: float
    anode_thickness: float
    separator: float
    foils: float
    anode: ElectrodeState | None = None

    @property
    def one_hour_current(self) -> float:
        """Current density of 1C [A/m²]."""
        return self.nominal_capacity / in_si(1.0, "h")

    def stack(self, coating: float) -> float:
        """Thickness of one repeating unit [m]: both coatings, separator, and the foils' share."""
        return coating + self.separator + self.anode_thickness + self.foils


def design_of(electrode: Electrode, known: KnownSet, anode: ElectrodeState | None = None) -> Design:
    """The cell of a card: an anode, of the set or of a study, as thick as balances the card as the set is balanced."""
    active_thickness = electrode.mass_loading * electrode.mass_fractions.active / electrode.active.density
    capacity = active_thickness * known.positive_charge
    share = known.negative_active if anode is None else anode.active
    thickness = capacity / (known.negative_charge * share)
    # a foil coated on both sides belongs to two units
    foils = (electrode.foil.thickness + known.negative_collector) / electrode.sides
    return Design(capacity, thickness, known.separator, foils, anode)


def exponent_of(share: float, efficiency: float) -> float:
    """b in efficiency = share^b: how an effective factor is told to a model that knows Bruggeman's power of a share."""
    return math.log(efficiency) / math.log(share)


def cell_parameters(state: ElectrodeState, design: Design, known: KnownSet) -> dict[str, float]:
    """What replaces the set's own values, by PyBaMM's names, for a cell of 1 m². Values in SI.

    The state has to conduct: effective_ratio, sigma and active above 0.
    """
    capacity = in_unit(design.nominal_capacity, "h")  # PyBaMM counts in A h
    anode = {} if design.anode is None else _structure("Negative", design.anode)
    return {
        "Electrode height [m]": 1.0,
        "Electrode width [m]": 1.0,
        "Number of electrodes connected in parallel to make a cell": 1.0,
        "Nominal cell capacity [A.h]": capacity,
        "Positive electrode thickness [m]": state.thickness,
        **_structure("Positive", state),
        **anode,
        "Negative electrode thickness [m]": design.anode_thickness,
        "Initial concentration in positive electrode [mol.m-3]": known.positive_full * known.positive_concentration,
        "Initial concentration in negative electrode [mol.m-3]": known.negative_full * known.negative_concentration,
    }


def _structure(side: str, state: ElectrodeState) -> dict[str, float]:
    """Fractions, transport and particle size of a coating, by PyBaMM's names. Values in SI."""
    return {
        f"{side} electrode porosity": state.porosity,
        f"{side} electrode active material volume fraction": state.active,
        f"{side} electrode Bruggeman coefficient (electrolyte)": exponent_of(state.porosity, state.effective_ratio),
        # sigma is of the whole coating already, so that the model's factor on it is 1
        f"{side} electrode Bruggeman coefficient (electrode)": exponent_of(solid_share(state.porosity), 1.0),
        f"{side} electrode conductivity [S.m-1]": state.sigma,
        f"{side} particle radius [m]": state.particle_radius,
    }

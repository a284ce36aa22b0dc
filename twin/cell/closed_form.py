"""What a coating is good for, in closed form: energy over the volume of a cell, and the rate its pores let through.

A comparison of coatings, not a discharge: `performance` discharges. SI.
"""

from dataclasses import dataclass

from kalander.coupling.cards.electrode import Electrode
from kalander.coupling.scales import in_si
from kalander.twin.cell.parameters import FARADAY

__all__ = ["Opposite", "energy_density", "limiting_c_rate"]


@dataclass(frozen=True)
class Opposite:
    """What stands opposite the coating, and what its active material holds; usual values of NMC111 against graphite.

    specific_capacity [A s/kg] (155 mA h/g), voltage [V] of a slow discharge, anode_capacity [A s/m³] of the anode's
    coating (500 mA h/cm³), anode_excess over the cathode, separator and anode_foil [m]; electrolyte: 1 mol/l LiPF₆ in
    EC:EMC with concentration [mol/m³], diffusivity [m²/s] and transference number by the fits of Nyman, Behm &
    Lindbergh, Electrochim. Acta 53 (2008) 6356.
    """

    specific_capacity: float = 558e3
    voltage: float = 3.7
    anode_capacity: float = 1.8e9
    anode_excess: float = 1.1
    separator: float = 12e-6
    anode_foil: float = 10e-6
    concentration: float = 1000.0
    diffusivity: float = 1.77e-10
    transference: float = 0.26

    def capacity(self, electrode: Electrode, mass_loading: float) -> float:
        """Of a coating of one side with a loading [kg/m²]: [A s/m²]."""
        return mass_loading * electrode.mass_fractions.active * self.specific_capacity


def energy_density(electrode: Electrode, mass_loading: float, thickness: float, opposite: Opposite) -> float:
    """Energy of a slow discharge over the volume of one repeating unit [J/m³], of a coating so thick [m].

    The unit is coating, separator, an anode that balances it, and the foils' share.
    """
    capacity = opposite.capacity(electrode, mass_loading)
    anode = capacity * opposite.anode_excess / opposite.anode_capacity
    foils = (electrode.foil.thickness + opposite.anode_foil) / electrode.sides
    return capacity * opposite.voltage / (thickness + anode + opposite.separator + foils)


def limiting_c_rate(
    electrode: Electrode, mass_loading: float, thickness: float, porosity: float, tortuosity: float, opposite: Opposite
) -> float:
    """C-rate at which the salt just reaches through the coating: i = ε D c F/(τ (1 − t₊) L), over the current of 1C.

    A thicker or denser coating cannot be used to its end above it. Sources: Gallagher et al., J. Electrochem. Soc. 163
    (2016) A138 (depth of penetration); Heubner, Schneider & Michaelis, J. Power Sources 419 (2019) 119 (as a C-rate).
    """
    one = opposite
    salt = porosity * one.diffusivity * one.concentration * FARADAY / (tortuosity * (1.0 - one.transference))
    return salt / thickness / (one.capacity(electrode, mass_loading) / in_si(1.0, "h"))

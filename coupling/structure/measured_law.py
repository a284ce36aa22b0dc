"""The tortuosity law that impedance measured, kept beside a study's own: DIR/tortuosity_law.h5.

It is the transport closure of the study: where it is there, `transport_closure` hands it out in place of the law of the
microstructures, which it is held against in the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalander.coupling.store.store import Data, load, write
from kalander.coupling.structure.tortuosity_law import TortuosityLaw, fit_law
from kalander.kernels.columns import Column, Table
from kalander.kernels.errors import CheckpointError

__all__ = ["LAW_FILE", "MEASURED_LAW", "MeasuredLaw", "read_law", "transport_closure", "write_law"]

LAW_FILE = "tortuosity_law.h5"
MEASURED_LAW = {
    "samples": {
        "f": Column("f8", ("sample",), "1", "prefactor of tau = f eps^-alpha, drawn from the posterior"),
        "alpha": Column("f8", ("sample",), "1", "exponent, drawn with f"),
    },
    "points": {
        "porosity": Column("f8", ("point",), "1", "of the electrode, as measured"),
        "porosity_sd": Column("f8", ("point",), "1", "its standard deviation"),
        "tortuosity": Column("f8", ("point",), "1", "by its spectrum alone, median"),
        "tortuosity_lo90": Column("f8", ("point",), "1", "lower end of the 90 % interval"),
        "tortuosity_hi90": Column("f8", ("point",), "1", "upper end of the 90 % interval"),
    },
}


@dataclass(frozen=True)
class MeasuredLaw:
    """Samples of the posterior, f and alpha of shape (sample,), and what each electrode gave by itself (columns)."""

    f: np.ndarray
    alpha: np.ndarray
    points: Table

    def tortuosity(self, porosity: np.ndarray | float) -> np.ndarray:
        """τ of every sample, shape (sample, porosity)."""
        return self.f[:, None] * np.atleast_1d(porosity)[None, :] ** -self.alpha[:, None]

    def band(self, porosity: np.ndarray, share: float = 0.9) -> np.ndarray:
        """Lower end, median and upper end of the interval that holds a share of the samples, shape (3, porosity)."""
        edges = [0.5 - 0.5 * share, 0.5, 0.5 + 0.5 * share]
        return np.quantile(self.tortuosity(porosity), edges, axis=0)

    @property
    def law(self) -> TortuosityLaw:
        """Centre, covariance and the range of porosity that was measured.

        The centre is the mean of ln f and alpha, so that its τ at any porosity is the geometric mean of the samples'.
        """
        porosity = self.points["porosity"]
        span = (float(porosity.min()), float(porosity.max()))
        f = float(np.exp(np.log(self.f).mean()))
        scale = np.array([f, 1.0])  # from ln f to f
        covariance = np.cov(np.stack([np.log(self.f), self.alpha])) * np.outer(scale, scale)
        return TortuosityLaw(f, float(self.alpha.mean()), covariance, span)


def write_law(folder: Path, measured: MeasuredLaw, about: Mapping[str, Any]) -> Path:
    """Write the law into a study's folder. about: where it comes from, as JSON. Raises StorageError."""
    tables = {"samples": {"f": measured.f, "alpha": measured.alpha}, "points": dict(measured.points)}
    path = folder / LAW_FILE
    write(path, Data(tables, dict(about)), MEASURED_LAW, kind="result", identity={"stage": "tortuosity_law"})
    return path


def read_law(folder: Path) -> MeasuredLaw | None:
    """The law of a study's folder, None where there is none. Raises CheckpointError (damaged, or no law)."""
    path = folder / LAW_FILE
    if not path.exists():
        return None
    tables = load(path, MEASURED_LAW).data.tables
    samples, points = tables["samples"], tables["points"]
    sound = len(samples["f"]) > 1 and len(points["porosity"]) > 0
    if not sound or (samples["f"] <= 0).any() or (samples["alpha"] < 0).any():
        raise CheckpointError(f"{path}: holds no law tau = f eps^-alpha; delete it, or run kalander infer --into again")
    return MeasuredLaw(samples["f"], samples["alpha"], points)


def transport_closure(folder: Path, states: Table | None) -> tuple[TortuosityLaw, str] | None:
    """The law that a study's later stages take, and whence: "impedance", else "microstructure" (through the plane).

    states: table of the stage transport. None where there is neither a measured law nor three states of different
    porosity.
    """
    measured = read_law(folder)
    if measured is not None:
        return measured.law, "impedance"
    if states is None:
        return None
    tortuosity = states["tortuosity"][:, 2]
    there = np.isfinite(tortuosity)
    try:
        return fit_law(states["porosity_voxels"][there], tortuosity[there]), "microstructure"
    except ValueError:
        return None

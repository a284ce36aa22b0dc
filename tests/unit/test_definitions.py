"""One word for one quantity: what the tree defines once, and names in files that are kept."""

import numpy as np

from kalander.coupling.stages.compact import ON_THE_WAY
from kalander.coupling.stages.compact_periodic import PERIODIC_TABLES
from kalander.coupling.stages.press import HALF_PRESSED
from kalander.coupling.stages.stored_names import as_held, as_stored
from kalander.dem.loading.path_tables import PROGRESS
from kalander.dem.loading.press_tables import PROTOCOL


def test_all_solids_and_those_beside_the_spheres_have_names_of_their_own_and_files_keep_theirs():
    assert "solid_volume" in PROTOCOL
    assert "filler_volume" in PROGRESS
    stored = (HALF_PRESSED["protocol"], ON_THE_WAY["progress"], PERIODIC_TABLES["progress"])
    assert all("solid" in columns and not {"solid_volume", "filler_volume"} & set(columns) for columns in stored)


def test_names_in_files_and_inside_lead_back_to_each_other():
    table = {name: np.full(1, float(place)) for place, name in enumerate(PROGRESS)}
    assert list(as_stored(table)) == [name if name != "filler_volume" else "solid" for name in PROGRESS]
    assert as_held(as_stored(table), PROGRESS) == table

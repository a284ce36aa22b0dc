"""How much do cells of a study differ, and which tolerance causes it? Virtual cells that scatter as coatings do.

python runs/studies/short/twin/cells_that_differ.py [FOLDER] [--quick]

Needs scikit-learn: pip install 'kalander[surrogate]'.
"""

from pathlib import Path

import kalander.runs as kal
from kalander.runs.shell.script import folder_and_size

CASE = {
    "tolerance": [
        {"quantity": "loading", "sd": 0.018}, {"quantity": "porosity", "sd": 0.005},
        {"quantity": "gap", "sd_length": "1 um"},
    ],
    "correlation": [{"of": ["loading", "porosity"], "value": -0.3}],
    "specification": [{"output": "capacity", "at_least": 0.0}],
}  # fmt: skip


def main(folder: Path, quick: bool) -> dict[str, float]:
    study = kal.run(kal.load_card("nmc111", quick=quick), folder / "study")
    size = {"samples": 64, "full_runs": 16, "checks": 5, "indices": 64} if quick else {}
    found = kal.vary(study, CASE | size, folder / "variation").answer()
    spread = {}
    for row, cause in zip(found["outputs"], found["causes"]):
        spread[row["output"]] = row["relative_sd"]
        most = f", mostly by {cause['of'][0]['quantity']}" if cause["of"] else ""
        print(f"{row['output']}: {row['relative_sd']:.2%} of the mean{most}")
    return spread


if __name__ == "__main__":
    main(*folder_and_size(__doc__))

"""The answer comes first: what was asked, what to set, what comes out; and what is put around it on the page."""

import base64
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from made_up import STRESSES, all_results, write_study

from kalander.coupling.cards.card import load_card
from kalander.coupling.nip.names import NUMBERS
from kalander.coupling.results.study import Study
from kalander.runs.page.grid import ABSENT, Grid, with_values_only
from kalander.runs.page.parts.answer import answer_of
from kalander.runs.page.parts.process import process_table
from kalander.runs.page.parts.provenance import origins
from kalander.runs.page.parts.scatter import at_pressure, measured_by_stress
from kalander.runs.page.parts.view3d import packing_view, viewer_script
from kalander.runs.page.report import write_report
from kalander.runs.page.tables import summarise
from kalander.runs.shell.terminal import answer_text

OVERRIDES = {"boxes.replicas": "2", "press.stress": '["19.82 MPa", "159.37 MPa"]'}
LOAD = {"electrode.porosity": "0.52"}


def made(folder, **overrides):
    write_study(folder, load_card("nmc111", overrides={**OVERRIDES, **overrides}), all_results())
    return Study.open(folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return made(tmp_path_factory.mktemp("studies") / "whole")


@pytest.fixture(scope="module")
def page(study):
    return write_report(study)


def test_the_box_says_what_was_asked_set_and_what_comes_out(study):
    answer = answer_of(study)
    assert answer.asked.startswith("What does a set gap of 130.0 µm do to a coating of 52.2 % porosity")
    # 51 N/mm, of the made-up nip; 0.465 m of it are 23.7 kN
    assert (
        "a set gap of 130.0 µm, as asked; it gives a line load of 51 N/mm (23.7 kN over a face of 465 mm)"
        in answer.set_to
    )
    assert answer.comes_out.startswith("porosity 10.0 ± ")
    assert "2 packings" in answer.comes_out
    assert any("cracking" in text for text in answer.limits)
    assert any("foil" in text for text in answer.limits)
    assert any("published (C1)" in text for text in answer.trust)
    assert [heading for heading, _ in answer.rows if heading] == [
        "Asked", "Set", "Comes out", "What limits it", "How far to trust it",
    ]  # fmt: skip
    assert json.loads(json.dumps(answer.as_json()))["asked"] == answer.asked


def test_a_porosity_that_was_asked_for_is_answered_by_load_and_gap(tmp_path):
    results = all_results()
    results["nip"].tables["settings"]["name"][0] = "target_porosity"
    card = load_card("nmc111", overrides=OVERRIDES).with_values({"calender.gap": None, "calender.target_porosity": 0.3})
    write_study(tmp_path / "a", card, results)
    answer = answer_of(Study.open(tmp_path / "a"))
    assert answer.asked.startswith("Which load and gap leave 30.0 % porosity after springback")
    assert answer.set_to.startswith("a line load of 51 N/mm, which is a set gap of 130.0 µm")


def test_what_is_missing_or_without_a_solution_is_said(tmp_path):
    results = all_results()
    card = load_card("nmc111", overrides=OVERRIDES)
    write_study(tmp_path / "half", card, {name: results[name] for name in ("pack", "press")})
    half = answer_of(Study.open(tmp_path / "half"))
    assert half.set_to.startswith("not known yet: closure, nip, transport")
    results["nip"].tables["settings"]["solved"][0] = 0
    results["nip"].attributes["reasons"]["gap, elastic rolls"] = "the gap is wider than the web"
    for name in NUMBERS:
        results["nip"].tables["settings"][name][0] = np.nan
    for table in ("profiles", "passes", "layers"):
        rows = results["nip"].tables.get(table, {"setting": np.zeros(0)})
        results["nip"].tables[table] = {name: values[rows["setting"] != 0] for name, values in rows.items()}
    write_study(tmp_path / "none", card, results)
    none = answer_of(Study.open(tmp_path / "none"))
    assert "no solution" in none.set_to
    assert none.comes_out == ""


def test_the_terminal_shows_the_answer_first_and_within_its_width(study):
    lines = answer_text(answer_of(study).rows).splitlines()
    assert lines[0] == "ANSWER"
    assert lines[1].startswith("Asked")
    assert max(map(len, lines)) <= 118


def test_tables_hold_only_rows_and_columns_with_values(study):
    grid = with_values_only(Grid("t", ("a", "b", "c"), (("x", ABSENT, "1"), ("y", ABSENT, ABSENT), ("z", ABSENT, "2"))))
    assert grid == Grid("t", ("a", "c"), (("x", "1"), ("z", "2")))
    for one in summarise(study).grids:
        columns = list(zip(*one.rows))[1:]
        assert all(any(cell != ABSENT for cell in column) for column in columns), one.title
        assert all(any(cell != ABSENT for cell in row[1:]) for row in one.rows), one.title


def test_scatter_is_that_of_the_replicas_at_one_pressure(study):
    mean, scatter = at_pressure(study, "porosity", np.array([1e6, 100e6, 1e9]))
    # the replicas are apart by 0.02 everywhere
    assert scatter[:2] == pytest.approx(0.02 / np.sqrt(2.0))
    assert mean[0] > mean[1]
    assert np.isnan(mean[2])
    table = measured_by_stress(study, "tortuosity")
    assert table["stress"].tolist() == [0.0, *STRESSES]


def test_process_chart_follows_the_nip_of_the_card(tmp_path):
    """Of a power law in a table, harder is denser, thinner and closer; the card's own pass lies on the curve."""
    from kalander.coupling.nip.roll import roll
    from kalander.coupling.nip.vocabulary import Pass, Rolls, Web

    results = all_results()
    strain = np.linspace(0.0, 0.5, 26)
    curve = results["closure"].tables["curve"]
    curve |= {"strain": strain, "pressure": 5e6 * (np.exp(8 * strain) - 1), "unload_modulus": np.full(26, 2e9)}
    curve |= {"lateral_ratio": np.full(26, 0.5)} | {
        f"{name}_sd": np.full(26, np.nan) for name in ("pressure", "unload_modulus", "lateral_ratio")
    }
    results["closure"].attributes["pressed"] = [19.82e6, 159.37e6]
    card = load_card("nmc111", overrides=OVERRIDES)
    write_study(tmp_path / "a", card, results)
    study = Study.open(tmp_path / "a")
    table = process_table(study, points=6)
    assert len(table["line_load"]) == 6
    for name, sign in (("line_load", 1), ("set_gap", -1), ("exit_thickness", -1), ("porosity_exit", -1)):
        assert (sign * np.diff(table[name]) > 0).all(), name
    one = roll(Web.of(card, study.closure), Rolls.of(card), Pass.of(card))
    between = np.interp(one.line_load, table["line_load"], table["porosity_exit"])
    assert between == pytest.approx(one.porosity_exit, abs=0.01)  # straight lines between six points


def test_provenance_is_a_tree_with_file_key_date_and_maker(study):
    (root,) = origins(study)
    assert (root.name, root.file) == ("pack", "pack.h5")
    names = {child.name: child for child in root.children}
    assert set(names) == {"press"}
    assert {child.name for child in names["press"].children} == {"closure", "transport"}
    transport = next(child for child in names["press"].children if child.name == "transport")
    assert transport.also == ("pack",)
    assert root.key == study.stored["pack"].identity["key"][:16]


def test_the_view_holds_the_packing_and_its_bonds(study):
    titles, text = packing_view(study)
    beds = json.loads(text)
    assert titles[0] == "as dried"
    assert len(beds) == 2
    centre = np.frombuffer(base64.b64decode(beds[0]["centre"]), "<f4").reshape(-1, 3)
    assert len(centre) == 16
    assert centre[:, 2].max() < beds[0]["height"]
    assert "</script" not in viewer_script()


class Links(HTMLParser):
    """Anchors and targets of a page, and every address that it names."""

    def __init__(self):
        super().__init__()
        self.ids, self.inside, self.addresses = set(), [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            if name in ("src", "href") and value:
                (self.inside if value.startswith("#") else self.addresses).append(value)


def test_the_page_has_contents_that_lead_somewhere_and_needs_no_net(page):
    text = page.read_text()
    links = Links()
    links.feed(text)
    assert len(links.inside) >= 6
    assert {target[1:] for target in links.inside} <= links.ids
    assert all(address.startswith("data:") for address in links.addresses)
    assert not re.search(r"""(fetch|XMLHttpRequest|importScripts|WebSocket)\s*\(""", viewer_script())
    assert text.index("<h2>Answer</h2>") < text.index("Figures</h2>") < text.index("Tables</h2>")


def test_a_browser_shows_the_page_without_error_request_or_overflow(page, tmp_path):
    """Chromium, at 1400 and at 400 pixels: no error of a script, no address asked for, nothing wider than the page."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None or os.environ.get("KALANDER_NO_BROWSER"):
        pytest.skip("no Chromium is installed")
    probe = (
        "<script>window.onerror=(m)=>document.title='error '+m;addEventListener('load',()=>setTimeout(()=>{"
        "const w=document.documentElement;document.title=document.title.startsWith('error')?document.title:"
        "'wide '+(w.scrollWidth-w.clientWidth)+' asked '+performance.getEntriesByType('resource').filter("
        "e=>!e.name.startsWith('data:')).length},300))</script>"
    )
    text = page.read_text().replace("<body>", f"<body>{probe}")
    for width in (1400, 400):
        frame = f'<iframe id="f" style="width:{width}px;height:900px;border:0" src="inner.html"></iframe>'
        (tmp_path / "inner.html").write_text(text)
        told = "const t=f.contentDocument.title;if(/^(wide|error)/.test(t))document.title=t"
        outer = f"<body>{frame}<script>setInterval(()=>{{{told}}},100)</script></body>"
        (tmp_path / "outer.html").write_text(outer)
        options = ["--headless", "--no-sandbox", "--allow-file-access-from-files", "--virtual-time-budget=30000"]
        options += [f"--user-data-dir={tmp_path}/profile", "--window-size=1500,1000", "--use-angle=swiftshader"]
        options += ["--enable-unsafe-swiftshader", "--dump-dom", f"file://{tmp_path}/outer.html"]
        done = subprocess.run([browser, *options], capture_output=True, text=True, timeout=100)
        found = re.search(r"<title>(.*?)</title>", done.stdout)
        assert found, done.stderr[-1500:]
        assert found[1] == "wide 0 asked 0", (width, found[1])

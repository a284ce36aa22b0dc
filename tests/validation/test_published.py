"""Published electrodes are predicted within the bands that were written down before: what `make validate` judges."""

import pytest

from kalander.runs.studies.validation import duquesnoy, sangros


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_each_pass_of_sangros_is_predicted_from_the_others(device, tmp_path, capsys) -> None:
    """Three pairs of constants in three boxes each; margins are twice what was reached or more."""
    assert sangros.main([str(tmp_path)]) == 0, capsys.readouterr().out
    assert (tmp_path / "sangros.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_rows_of_duquesnoy_are_predicted_with_one_stand(device, tmp_path, capsys) -> None:
    assert duquesnoy.main([str(tmp_path)]) == 0, capsys.readouterr().out
    assert (tmp_path / "duquesnoy.png").read_bytes().startswith(b"\x89PNG")

"""What Typer would refuse with its usage in several lines is one line of ours, and no command at all is the help."""

from pathlib import Path

import pytest
from command import refused
from typer.testing import CliRunner

from server.cli import app


@pytest.mark.parametrize(
    ("words", "said", "help_of"),
    [
        (("up", "--spead", "3"), "No such option: --spead (Possible options: --seed, --speed)", "dalstroom up"),
        (("--frob",), "No such option: --frob", "dalstroom"),
        (("upp",), "No such command 'upp'. Did you mean 'up'?", "dalstroom"),
        (("station", "ad"), "No such command 'ad'. Did you mean 'add'?", "dalstroom station"),
        (("plan", "a", "b"), "Got unexpected extra argument(s) (b)", "dalstroom plan"),
    ],
    ids=lambda words: "_".join(words) if isinstance(words, tuple) else "",
)
def test_an_option_or_a_command_that_is_not_there_is_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str, help_of: str
) -> None:
    line = refused(tmp_path, *words)
    assert line.startswith(f"dalstroom: {said}")
    assert line.endswith(f"({help_of} --help says what there is)")


@pytest.mark.parametrize("words", [("bench", "gateway", "--rows"), ("up", "--port")], ids=lambda words: words[0])
def test_an_option_without_its_value_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert refused(tmp_path, *words) == f"dalstroom: Option '{words[-1]}' requires an argument."


@pytest.mark.parametrize("words", [(), ("station",)])
def test_nothing_to_do_prints_the_help(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2
    assert "Commands" in result.output
    assert "dalstroom:" not in result.output

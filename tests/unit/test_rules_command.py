"""`tierline rules`: findings as compilers show them, packs in words, and the schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rules.language.source import TEXT_MAX
from tests.unit.language.packs import condition, whole
from workers.cli.errors import UserError
from workers.cli.main import run
from workers.packs import catalog, open_pack

DATA = Path(__file__).parents[1] / "data"
RETAIL = str(DATA / "retail.yaml")


def write(folder: Path, text: str) -> str:
    path = folder / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_sound_pack_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "check", RETAIL, "--strict"]) == 0
    assert capsys.readouterr().out == (
        f"{RETAIL}: pack `retail` version `7`, 9 metrics, 3 dimensions\n0 errors, 0 warnings\n"
    )


def test_an_error_is_shown_in_its_line_with_a_caret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, whole(metrics="  m: {agg: count, of: order.complete}\n"))
    assert run(["rules", "check", path]) == 1
    assert capsys.readouterr().out == (
        f"{path}:7:23: error[unknown_type]: there is no event type `order.complete`, did you mean "
        "`order.completed`?\n"
        "      m: {agg: count, of: order.complete}\n"
        "                          ^\n"
        "1 error, 0 warnings\n"
    )


def test_a_line_without_end_is_shown_around_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filler = "x" * 2_000
    path = write(tmp_path, whole(metrics=f'  m: {{title: "{filler}", agg: count, of: order.complete}}\n'))
    assert run(["rules", "check", path]) == 1
    _, line, caret, _ = capsys.readouterr().out.splitlines()
    assert len(line) < 200
    assert line[caret.index("^") :].startswith("order.complete}")


def test_warnings_fail_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, condition('"orders < 0"'))
    assert run(["rules", "check", path]) == 0
    assert run(["rules", "check", path, "--strict"]) == 1


def test_findings_come_as_json_for_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, condition('"orders < 0"'))
    assert run(["rules", "check", path, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["fingerprint"]) == 64
    assert answer["findings"] == [
        {
            "source": path,
            "line": 19,
            "column": 21,
            "severity": "warning",
            "code": "never_true",
            "path": "dimensions.use.categories.some.when",
            "message": "`orders < 0` can never be true: no value is like that",
        }
    ]


def test_a_pack_with_errors_has_no_fingerprint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "check", write(tmp_path, ""), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["fingerprint"] is None


def test_a_pack_is_shown_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "show", RETAIL]) == 0
    assert "spend over the last 365 days is at least 200.00 GBP" in capsys.readouterr().out


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "schema"]) == 0
    assert "dimensions" in json.loads(capsys.readouterr().out)["properties"]


@pytest.mark.parametrize("name", catalog())
def test_a_pack_of_the_catalog_is_known_by_name_and_sound(name: str) -> None:
    assert run(["rules", "check", name]) == 0
    assert open_pack(name).name


def test_a_folder_that_holds_a_pack_is_as_good_as_its_file(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(whole())
    assert open_pack(tmp_path).name == "shop"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file `{path}`"),
        (b"\xff\xfe", "is not UTF-8 text in line 1"),
        (b"name: x\n\xe9", "is not UTF-8 text in line 2"),
        (b" " * (4 * TEXT_MAX + 1), "is too large for a pack"),
    ],
    ids=["absent", "utf-16", "latin", "huge"],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_bytes(content)
    assert run(["rules", "show", str(path)]) == 2
    assert message.format(path=path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [("no_such_pack", "write its path, or one of"), ("{folder}", "holds no `pack.yaml`")],
)
def test_an_unknown_pack_is_told_apart_from_an_empty_folder(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_pack(name.format(folder=tmp_path))


def test_a_command_that_needs_a_sound_pack_names_its_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, whole().replace("GBP", "GPB"))
    assert run(["rules", "show", path]) == 2
    told = capsys.readouterr().err
    assert f"error: the pack `{path}` has an error\n{path}:4:11: error[unknown_currency]: " in told
    assert f"`tierline rules check {path}`" in told

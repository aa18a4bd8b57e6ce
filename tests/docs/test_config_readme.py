"""config/README.md holds every key, option and column, with its default, as the code has them."""

import pytest
from docs.pages import names, page, rows, section
from docs.tables import tables

from assay.catalog import ARTIFACTS, SOURCES
from assay.config import read_plan
from assay.data.can_csv import COLUMNS
from assay.data.can_labels import PATTERNS, SIDECAR
from assay.data.soundness import FIELDS, OPTIONAL
from assay.sheet import OPTIONAL as OPTIONAL_COLUMNS
from assay.sheet import REQUIRED as REQUIRED_COLUMNS
from assay.sheet import RESERVED

CONFIG = page("config/README.md")


@pytest.mark.parametrize("title", [title for title, table in tables().items() if table.count("\n") > 1])
def test_every_table_is_the_one_that_the_code_gives(title):
    assert tables()[title] in CONFIG, (
        f"python tests/docs/tables.py prints it; {title} must read:\n{tables()[title]}"
    )


def test_every_source_and_every_artifact_has_its_heading():
    for name in SOURCES:
        assert f"\n### Source `{name}`" in CONFIG
    for name in ARTIFACTS:
        assert f"\n### `{name}` ([docs/{name}.md](../docs/{name}.md))\n" in CONFIG


def test_every_column_of_the_sheet_has_its_default():
    table = {cells[0].strip("`"): cells[1] for cells in rows(section(CONFIG, "The sheet"))[1:]}
    wanted = dict.fromkeys(REQUIRED_COLUMNS, "required") | dict.fromkeys(OPTIONAL_COLUMNS, "empty")
    assert table == {**wanted, "<artifact>.<option>": "empty", "meta.<key>": "empty"}
    assert set(RESERVED) <= names(section(CONFIG, "The sheet"))


def test_every_array_of_prepared_graphs_has_its_type_and_number_of_axes():
    graphs = CONFIG.partition("### Source `graphs`")[2].partition("\n### ")[0]
    table = {cells[0].strip("`"): cells[1:] for cells in rows(graphs)[1:]}
    assert list(table) == list(FIELDS)
    for name, (dtype, axes) in FIELDS.items():
        kind, shape, meaning = table[name]
        assert dtype in kind, name
        assert shape.count(",") + 1 == len(axes) or "text" in kind, name
        assert meaning.startswith("optional") == (name in OPTIONAL), name


def test_every_column_of_a_log_and_every_attack_word_is_named_in_its_order():
    assert {name for choices in COLUMNS.values() for name in choices} <= names(CONFIG)
    assert f"<log>{SIDECAR}" in names(CONFIG)
    words = CONFIG.partition("that occurs there:")[2].partition(".\n")[0].replace("(no attack)", "")
    assert [word.strip() for word in words.split(",")] == [word for word, _ in PATTERNS]


def test_the_examples_of_the_text_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = [
        name for name in names(CONFIG) if name.startswith(("resources: {", "intake: {", "artifacts: {"))
    ]
    assert len(examples) == 3
    (tmp_path / "a.csv").touch()
    (tmp_path / "sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\n")
    base = "checkpoints: sheet.tsv\ndata: {d: {source: can_bus, path: a.csv}}\n"
    (tmp_path / "config.yaml").write_text(base + "\n".join(examples))
    plan = read_plan("config.yaml")
    assert "cka" not in plan.enabled
    assert plan.resources["embeddings"] == {"gpu": 1, "minutes": 60, "mem_mb": 4000}
    assert plan.placeholders == ("mylab.config.ModelConfig",)

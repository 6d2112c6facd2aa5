"""Tokens of shards lead back to characters of the corpus, and from there to the place in the source."""

import json
from pathlib import Path

import numpy as np
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.inspect.explain import explain
from gristmill.pipelines.inspect.trained_place import TrainedPlaces, corpus_beside
from gristmill.schemas.errors import InputError

from tests.pipelines.shards.made_corpora import documents_of
from tests.pipelines.shards.made_tokenizers import KINDS

TEXTS: dict[str, tuple[str, dict[str, str]]] = {
    "wiki": (
        "# Mühle\n\nDie Mühle mahlt.\n\n## Steine\n\nHart 水車 <|endoftext|>.",
        {"title": "Mühle", "wiki": "dewiki"},
    ),
    "code": ("def grind():\n    return 'flour'\n", {"path": "src/mill.py"}),
}


@pytest.mark.parametrize("add_bos", [False, True])
def test_every_token_has_its_place(tmp_path: Path, add_bos: bool) -> None:
    (tmp_path / "tokenizer.json").write_text(KINDS["gpt2"](), encoding="utf-8")
    lines = [json.dumps({"id": name, "text": text, **about}) for name, (text, about) in TEXTS.items()]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    columns = {"id": "id", "metadata": ["path"]}
    recipe = {
        "name": "places",
        "sources": [{"name": "all", "path": str(tmp_path / "in.jsonl"), "columns": columns}],
        "shards": {"tokenizer": str(tmp_path / "tokenizer.json"), "eos": "<|endoftext|>", "bos": "<|im_start|>"}
        | {"add_bos": add_bos},
    }
    build(recipe, tmp_path / "run", console=Console(quiet=True), report=False)
    shards = tmp_path / "run" / "shards"
    run = corpus_beside(shards)
    assert run is not None
    assert corpus_beside(tmp_path / "elsewhere" / "shards") is None
    places = TrainedPlaces(run, shards)
    documents = documents_of(shards)
    assert len(documents) == len(TEXTS)
    for row in documents:
        ids = np.array(row["tokens"])
        spelled = ""
        found = set()
        for offset in range(len(ids)):
            one = places.of_tokens(row["doc_id"], ids[offset : offset + 1], offset)
            assert len(one.places) == 1
            found.add((one.places[0].section, one.places[0].file, one.places[0].line))
            spelled += one.text
        whole = places.of_tokens(row["doc_id"], ids, 0)
        assert whole.text in {text for text, _ in TEXTS.values()}
        assert set(whole.text) <= set(spelled)  # a character of several tokens is shown with each of them
        if "def" in whole.text:
            assert found == {((), "src/mill.py", line) for line in (1, 2, 3)}
        else:
            assert found == {(("Mühle",), None, None), (("Mühle", "Steine"), None, None)}
            assert [place.section for place in whole.places] == [("Mühle",), ("Mühle", "Steine")]
        with pytest.raises(InputError, match="another text than the one trained on"):
            places.of_tokens(row["doc_id"], ids[add_bos : add_bos + 1], 2 + add_bos)
        told = explain(run, row["doc_id"])
        expected = ("file src/mill.py",) if "def" in whole.text else ('section "Mühle"', 'section "Mühle" > "Steine"')
        assert told.places == expected
        assert f"holds: {expected[-1]}" in str(told)
    with pytest.raises(InputError, match="no document 'none'"):
        places.of_tokens("none", np.array([1]), 0)

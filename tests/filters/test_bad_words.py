import json
import re

import pyarrow as pa
import pytest
from gristmill.filters.registry import family
from gristmill.schemas.errors import RecipeError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

ENTRIES = ["darn", "darn it", "heck", "é!", "i\u0307x", "_a", "a", "性"]


def counts(texts, path, **options):
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    return family("bad_words").function(batch, {"path": str(path), **options}).column(0).to_pylist()


@pytest.fixture(scope="module")
def word_list(tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "words.txt"
    path.write_text("\n".join([*ENTRIES, "", "  heck  "]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("", "en", 0),
        ("Darn!", "en", 1),
        ("darning needle", "en", 0),
        ("undarn", "en", 0),
        ("darn_it", "en", 0),
        ("9darn", "en", 0),
        ("oh, darn it", "en", 1),
        ("darn heck", "en", 2),
        ("darning needle", "zh", 2),
        ("女性です", "en", 0),
        ("女性です", "ja", 1),
    ],
)
def test_places(word_list, text, language, found):
    assert counts([text], word_list, language=language) == [found]


odd = st.text(alphabet="darn it_heckéAÉ!İX9\n\u0307性", max_size=30)


@given(texts=st.lists(odd | st.lists(st.sampled_from([*ENTRIES, "x", "DARN"]), max_size=5).map(" ".join), max_size=5))
@settings(max_examples=examples(150))
def test_found_where_the_regular_expressions_of_c4_find(word_list, texts):
    either = "|".join(map(re.escape, ENTRIES))
    flanked, anywhere = re.compile(rf"(?:\W|^)({either})(?:\W|$)"), re.compile(either)
    expected = [bool(flanked.search(text.lower())) for text in texts]
    assert [count > 0 for count in counts(texts, word_list)] == expected
    expected = [bool(anywhere.search(text.lower())) for text in texts]
    assert [count > 0 for count in counts(texts, word_list, flanked=False)] == expected


def test_list_of_a_language_in_a_json_file(tmp_path):
    path = tmp_path / "lists.json"
    path.write_text(json.dumps({"en": ["heck"], "de": ["mist"]}))
    assert counts(["heck and mist"], path, language="de") == [1]
    with pytest.raises(RecipeError, match="language 'fr'; expected one of de, en"):
        counts(["x"], path, language="fr")


def test_no_list_is_an_error():
    with pytest.raises(RecipeError, match="set `path` of family bad_words"):
        counts(["x"], "/nowhere/words.txt")

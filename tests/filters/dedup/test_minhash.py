"""Signatures against datasketch's `affine32` scheme; bands against its LSH index."""

import datasketch
import numpy as np
import pyarrow as pa
import pytest
import xxhash
from gristmill.filters.dedup.jaccard import estimated_jaccard
from gristmill.filters.dedup.lsh_parameters import candidate_probability
from gristmill.filters.dedup.minhash import EMPTY, band_hashes, permutations, signatures, signatures_of_hashes
from gristmill.filters.dedup.normalise import FULL
from gristmill.filters.dedup.shingles import Shingling, shingle_hashes, shingles_plainly
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

WORDS = st.sampled_from(["a", "b", "c", "dog", "cat", "Größe", "漢字", "x1"])
SHINGLINGS = [Shingling(), Shingling(words=2, characters=3, normalisation=FULL)]
TEXTS = st.lists(st.lists(WORDS, max_size=25).map(" ".join), max_size=4)


def _low32(shingle: bytes) -> int:
    return xxhash.xxh64_intdigest(shingle) & 0xFFFFFFFF


@settings(max_examples=examples(60))
@given(
    TEXTS, st.sampled_from([(112, 1), (128, 1), (7, 3)]), st.sampled_from([Shingling(), Shingling(2, 3, "auto", FULL)])
)
def test_both_paths_equal_datasketch(texts: list[str], drawn: tuple[int, int], shingling: Shingling) -> None:
    count, seed = drawn
    array = pa.array(texts, pa.large_string())
    fused = signatures(array, shingling, count=count, seed=seed)
    hashes = shingle_hashes(array, shingling)
    assert np.array_equal(fused.values, signatures_of_hashes(hashes.values, hashes.offsets, count, seed))
    assert np.array_equal(fused.pieces, hashes.pieces)
    for row, text in zip(fused.values, texts, strict=True):
        theirs = datasketch.MinHash(count, seed, hashfunc=lambda h: h & 0xFFFFFFFF, scheme="affine32")
        theirs.update_batch(shingles_plainly(text, shingling))
        assert np.array_equal(row, theirs.hashvalues)
        assert row.dtype == theirs.hashvalues.dtype


def test_equals_datasketch_on_the_bytes_of_shingles() -> None:
    words = ["we", "measure", "once", "and", "decide", "many", "times", "over"]
    theirs = datasketch.MinHash(112, 1, hashfunc=_low32)
    theirs.update_batch([" ".join(words[i : i + 5]).encode() for i in range(len(words) - 4)])
    assert signatures(pa.array([" ".join(words)])).values[0].tolist() == theirs.hashvalues.tolist()


def test_permutations_are_those_of_datasketch() -> None:
    for count, seed in ((1, 1), (112, 1), (256, 42)):
        a, b = permutations(count, seed)
        theirs = datasketch.MinHash(count, seed).permutations
        assert np.array_equal(a, theirs[0])
        assert np.array_equal(b, theirs[1])


def test_documents_longer_than_a_block() -> None:
    text = " ".join(f"w{i}" for i in range(9000))
    hashes = shingle_hashes(pa.array([text]))
    assert np.array_equal(signatures(pa.array([text])).values, signatures_of_hashes(hashes.values, hashes.offsets))


def test_no_words_no_signature() -> None:
    found = signatures(pa.array(["", " \u3000\n", "word"]))
    assert found.pieces.tolist() == [0, 0, 1]
    assert (found.values[:2] == EMPTY).all()
    assert not (found.values[2] == EMPTY).any()


def _library_of_variants() -> list[str]:
    random = np.random.default_rng(7)
    texts = []
    for base in range(30):
        words = [f"w{base}x{i}" for i in range(80)]
        for changes in (0, 2, 6, 15):
            changed = list(words)
            for place in random.choice(80, changes, replace=False):
                changed[place] = f"new{random.integers(10**6)}"
            texts.append(" ".join(changed))
    return texts


def test_signature_table_loads_into_minhash_lsh() -> None:
    """Candidates from our band keys are those that datasketch's index finds with our signatures."""
    bands, rows = 14, 8
    values = signatures(pa.array(_library_of_variants())).values
    index = datasketch.MinHashLSH(num_perm=112, params=(bands, rows))
    sketches = [datasketch.MinHash(hashvalues=row, seed=1, scheme="affine32") for row in values]
    for number, sketch in enumerate(sketches):
        index.insert(number, sketch)
    keys = band_hashes(values, bands, rows)
    found = 0
    for number, sketch in enumerate(sketches):
        ours = set(np.flatnonzero((keys == keys[number]).any(axis=1)).tolist())
        assert ours == set(index.query(sketch))
        found += len(ours) > 1
    assert found > 30


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8])
def test_estimates_and_candidates_follow_theory(similarity: float) -> None:
    """1,500 pairs of sets of one known Jaccard: the mean estimate, and how many become candidates of 14 x 8."""
    pairs, union = 1500, 300
    shared = round(union * similarity)
    own = (union - shared) // 2
    hashes = np.random.default_rng(11).integers(0, 2**64, (pairs, union), dtype=np.uint64)
    sides = np.concatenate((hashes[:, : shared + own], np.delete(hashes, np.s_[shared : shared + own], axis=1)))
    offsets = np.arange(2 * pairs + 1, dtype=np.int64) * sides.shape[1]
    values = signatures_of_hashes(sides.reshape(-1), offsets)
    left, right = np.arange(pairs), np.arange(pairs) + pairs
    assert estimated_jaccard(values, left, right).mean() == pytest.approx(similarity, abs=0.01)
    keys = band_hashes(values, 14, 8)
    candidates = (keys[left] == keys[right]).any(axis=1).mean()
    assert candidates == pytest.approx(float(candidate_probability(similarity, 14, 8)), abs=0.04)


def test_band_key_is_xxh64_seeded_with_its_number() -> None:
    values = np.arange(24, dtype=np.uint32).reshape(2, 12) * np.uint32(2654435761)
    keys = band_hashes(values, 3, 4)
    for row in range(2):
        for band in range(3):
            raw = values[row, band * 4 : band * 4 + 4].astype("<u4").tobytes()
            assert int(keys[row, band]) == xxhash.xxh64_intdigest(raw, band)
    assert np.array_equal(band_hashes(values[:, :11], 2, 4), keys[:, :2])


@pytest.mark.parametrize(("bands", "rows"), [(0, 1), (1, 0), (3, 5)])
def test_bands_must_fit(bands: int, rows: int) -> None:
    with pytest.raises(ValueError, match="do not fit 12"):
        band_hashes(np.zeros((1, 12), np.uint32), bands, rows)

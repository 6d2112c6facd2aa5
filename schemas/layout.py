"""Where everything of a run lies: the names of its datasets and files, their life cycles, and the facts they carry.

A *dataset* is a folder with Parquet parts and a manifest that is written last. Its life cycle says what becomes of it
when documents are forgotten, so that the code that forgets knows no step, and a new step says it of its own datasets.
Every selection (a decision made again under another policy) has datasets of its own, below its folder: `SPEC.of(prefix)`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa
from gristmill.schemas.rows.balance import LEFT_OUT, LEFT_OUT_DIGEST
from gristmill.schemas.rows.corpus import CORPUS as CORPUS_ROWS
from gristmill.schemas.rows.corpus import CORPUS_DIGEST, EDIT_ROW
from gristmill.schemas.rows.cuts import (
    CUT,
    CUT_DIGEST,
    MARK,
    MARK_DIGEST,
    ORDER_KEY,
    ORDER_KEY_DIGEST,
    RANK,
    RANK_DIGEST,
)
from gristmill.schemas.rows.datatrove_edits import DATATROVE_EDITS, DATATROVE_EDITS_DIGEST
from gristmill.schemas.rows.decision import CUT_RULES, DECISION, DECISION_DIGEST
from gristmill.schemas.rows.decontamination import (
    EVAL_ITEM,
    EVAL_ITEM_DIGEST,
    GRAM_CONTENT,
    GRAM_CONTENT_DIGEST,
    GRAM_COUNT,
    GRAM_COUNT_DIGEST,
    HIT,
    HIT_DIGEST,
    ITEM_REPORT,
    ITEM_REPORT_DIGEST,
    MATCH,
    MATCH_DIGEST,
)
from gristmill.schemas.rows.document import COLLIDING_ID, DOCUMENT, DOCUMENT_DIGEST, NEW_ID, NEW_ID_DIGEST
from gristmill.schemas.rows.duplicates import CANDIDATE, CANDIDATE_DIGEST, KEY, KEY_DIGEST, MEMBER, MEMBER_DIGEST
from gristmill.schemas.rows.embedding import (
    CHOICE,
    CHOICE_DIGEST,
    CONTRADICTION,
    CONTRADICTION_DIGEST,
    EMBEDDING,
    EMBEDDING_DIGEST,
    FEATURE_COUNT,
    FEATURE_COUNT_DIGEST,
)
from gristmill.schemas.rows.mixed import (
    ENTERING_COPY,
    ENTERING_COPY_DIGEST,
    GROUP_WEIGHT,
    GROUP_WEIGHT_DIGEST,
    MIXED_DIGEST,
)
from gristmill.schemas.rows.mixed import MIXED as MIXED_ROWS
from gristmill.schemas.rows.near_duplicates import (
    BAND,
    BAND_DIGEST,
    BUCKET,
    BUCKET_DIGEST,
    NEAR_CANDIDATE,
    NEAR_CANDIDATE_DIGEST,
    NEAR_PAIR,
    NEAR_PAIR_DIGEST,
    OUTCOME,
    OUTCOME_DIGEST,
    SHINGLES,
    SHINGLES_DIGEST,
    SIGNATURE,
    SIGNATURE_DIGEST,
)
from gristmill.schemas.rows.preferences import PAIR_KEY, PAIR_KEY_DIGEST


class Life(StrEnum):
    """What becomes of a dataset when documents are forgotten.

    READ: what the sources said. A forgotten row stays with its id and source, quarantined; everything else in it goes.
    ALIGNED: measured, a row for every row of the documents, in their order. The values of a forgotten row become null.
    PLACED: measured, rows with the `part` and `row` of their document. The rows of forgotten documents go.
    DERIVED: made from what was measured, without reading a text. It is removed where it is stale, and made again.
    DECIDED: made from measurements and a policy, or written from decisions. It is removed, and made again.
    SHARED: holds nothing of a document. It stays.
    OWN: the step that makes it keeps of it what can be kept (`Step.adopt`).
    """

    READ = "read"
    ALIGNED = "aligned"
    PLACED = "placed"
    DERIVED = "derived"
    DECIDED = "decided"
    SHARED = "shared"
    OWN = "own"


@dataclass(frozen=True)
class DatasetSpec:
    """Where and what a dataset is.

    folder: relative to the run. schema: of its rows. digest_columns: those that the content digest is made of. counted:
    the column whose values are counted in every part's `rows_by`. life: see Life. holds_text: it holds text of documents or
    values found in it, and goes when a run is purged.
    """

    folder: str
    schema: pa.Schema
    digest_columns: tuple[str, ...]
    counted: str | None = None
    life: Life = Life.DECIDED
    holds_text: bool = False

    def of(self, prefix: str) -> "DatasetSpec":
        """The same dataset of a selection, whose folder is `prefix` ("" for the run's own decision)."""
        return replace(self, folder=f"{prefix}{self.folder}")

    def unit_path(self, key: str) -> str:
        """The marker of a finished unit of work."""
        return f"{self.folder}/units/{key}.json"


# Files of a run's folder.
OWNER = "gristmill-run.json"  # says that the folder is a run's
MANIFEST = "manifest.json"  # of the run and of every dataset; written last
LOCK = "lock.json"  # the process that writes here
STARTED = "stage.json"  # the key of what an unfinished dataset is made from
SELECTIONS = "selections"  # folder of decisions made again under another policy
SELECTION = "selection.json"  # the policy of a selection
FORGET_REQUESTS = "forgotten"  # folder of requests to forget
REPORT_PAGE, REPORT_DATA, CARD = "report.html", "report.json", "README.md"  # of every selection
SHARDS = "shards"  # folder of the token shards of the build's recipe
EVALUATION_INDEX = "contamination/index"  # folder of the n-grams of evaluation sets
IDS = "documents/ids"  # folder of ids as they were before colliding ones were separated
SIGNALS = "signals"  # folder of what was measured: a dataset for each family and text version, life ALIGNED

# Datasets.
DOCUMENTS = DatasetSpec("documents", DOCUMENT, DOCUMENT_DIGEST, counted="reason", life=Life.READ)
DOCUMENTS_KEPT = replace(DOCUMENTS, folder="documents/remaining")
DOCUMENTS_PURGED = replace(DOCUMENTS, folder="documents/purged")
COLLIDING_IDS = DatasetSpec(f"{IDS}/rows", COLLIDING_ID, ("doc_id",), life=Life.READ)
NEW_IDS = DatasetSpec(f"{IDS}/new", NEW_ID, NEW_ID_DIGEST, life=Life.READ)
STEP_EDITS = DatasetSpec("datatrove/edits", DATATROVE_EDITS, DATATROVE_EDITS_DIGEST)
EVALUATION_ITEMS = DatasetSpec("contamination/items", EVAL_ITEM, EVAL_ITEM_DIGEST, counted="set", life=Life.SHARED)
MATCHES = DatasetSpec("contamination/matches", MATCH, MATCH_DIGEST)
MATCHED_GRAMS = DatasetSpec("contamination/grams", GRAM_CONTENT, GRAM_CONTENT_DIGEST)
GRAM_COUNTS = DatasetSpec("contamination/counts", GRAM_COUNT, GRAM_COUNT_DIGEST)
HITS = DatasetSpec("contamination/hits", HIT, HIT_DIGEST, counted="set")
ITEM_REPORTS = DatasetSpec("contamination/report", ITEM_REPORT, ITEM_REPORT_DIGEST, counted="set")
CONTENT_KEYS = DatasetSpec("edges/exact/keys", KEY, KEY_DIGEST, life=Life.DERIVED)
EXACT_MEMBERS = DatasetSpec("edges/exact/members", KEY, KEY_DIGEST, life=Life.DERIVED)
SIGNATURES = DatasetSpec("edges/near/signatures", SIGNATURE, SIGNATURE_DIGEST, life=Life.PLACED)
BANDS = DatasetSpec("edges/near/bands", BAND, BAND_DIGEST, life=Life.DERIVED)
BUCKETS = DatasetSpec("edges/near/buckets", BUCKET, BUCKET_DIGEST, life=Life.DERIVED)
MEMBER_SHINGLES = DatasetSpec("edges/near/shingles", SHINGLES, SHINGLES_DIGEST, life=Life.OWN)
EMBEDDINGS = DatasetSpec("embeddings/vectors", EMBEDDING, EMBEDDING_DIGEST, life=Life.ALIGNED)
FEATURE_COUNTS = DatasetSpec("embeddings/counts", FEATURE_COUNT, FEATURE_COUNT_DIGEST, life=Life.DERIVED)
PART_FEATURE_COUNTS = DatasetSpec("embeddings/part-counts", FEATURE_COUNT, FEATURE_COUNT_DIGEST, life=Life.DERIVED)
CONTRADICTIONS = DatasetSpec(
    "contradictions", CONTRADICTION, CONTRADICTION_DIGEST, counted="kind", life=Life.DERIVED, holds_text=True
)
PAIR_KEYS = DatasetSpec("pairs/keys", PAIR_KEY, PAIR_KEY_DIGEST, life=Life.ALIGNED)

# Datasets that every selection has of its own.
DECISIONS = DatasetSpec("decisions", DECISION, DECISION_DIGEST, counted="kept")
UNSELECTED = DatasetSpec("decisions/unselected", DECISION, DECISION_DIGEST, counted="kept")
UNBALANCED = DatasetSpec("decisions/unbalanced", DECISION, DECISION_DIGEST, counted="kept")
BALANCE = DatasetSpec("decisions/balance", LEFT_OUT, LEFT_OUT_DIGEST, counted="rule")
CHOICES = DatasetSpec("decisions/choices", CHOICE, CHOICE_DIGEST, counted="outcome")
EXACT_CANDIDATES = DatasetSpec("decisions/exact/candidates", CANDIDATE, CANDIDATE_DIGEST)
EXACT_SURVIVORS = DatasetSpec("decisions/exact/survivors", MEMBER, MEMBER_DIGEST)
NEAR_CANDIDATES = DatasetSpec("decisions/near/candidates", NEAR_CANDIDATE, NEAR_CANDIDATE_DIGEST)
NEAR_PAIRS = DatasetSpec("decisions/near/pairs", NEAR_PAIR, NEAR_PAIR_DIGEST)
NEAR_ROUNDS = DatasetSpec("decisions/near/rounds", NEAR_PAIR, ())
NEAR_MEMBERS = DatasetSpec("decisions/near/members", OUTCOME, OUTCOME_DIGEST)
NEAR_OUTCOME = DatasetSpec("decisions/near/outcome", OUTCOME, OUTCOME_DIGEST)
SURVIVOR_ORDER = DatasetSpec("cuts/order", RANK, RANK_DIGEST)
SURVIVOR_ORDER_KEYS = DatasetSpec("cuts/order/keys", ORDER_KEY, ORDER_KEY_DIGEST)
EVALUATION_MARKS = DatasetSpec("cuts/contamination-marks", MARK, MARK_DIGEST)
CUTS = {kind: DatasetSpec(f"cuts/{kind}", CUT, CUT_DIGEST, counted="outcome") for kind in CUT_RULES}
CORPUS = DatasetSpec("corpus", CORPUS_ROWS, CORPUS_DIGEST, counted="source")
EDITS = DatasetSpec("edits", EDIT_ROW, ("doc_id",))
MIX_WEIGHTS = DatasetSpec("mix/weights", GROUP_WEIGHT, GROUP_WEIGHT_DIGEST)
MIX_BORDER = DatasetSpec("mix/border", ENTERING_COPY, ENTERING_COPY_DIGEST)
MIXED = DatasetSpec("mixed", MIXED_ROWS, MIXED_DIGEST, counted="copies")

# Facts of manifests.
TEXTS = "texts"  # of documents: which texts are still stored; absent: all
ALL, KEPT, NONE = "all", "kept", "none"  # values of TEXTS: of all documents, of those kept, of none
PURGED = "purged"  # and this one: no text, and metadata, messages and values in addresses are gone, too
HONOURED = "forgotten"  # of documents: how many requests to forget it honours, and its layout before the last
SCRUBBED_FROM = "scrubbed_from"  # of what was measured: digest and layout before its rows were scrubbed
CUTS_KNOWN = "cuts"  # of decisions: kind of cut -> digest of the cuts that they know of
CUT_FROM = "survivors_digest"  # of decisions: of the documents that the cuts were measured on


def datasets() -> tuple[DatasetSpec, ...]:
    """Every dataset that is named here; those of selections without their prefix."""
    named = [value for value in globals().values() if isinstance(value, DatasetSpec)]
    return (*named, *CUTS.values())

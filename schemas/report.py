"""What a report says of a run: every number and every excerpt on the page, as plain JSON.

Everything outside `run` is a function of the run's rows: the same for any number of tasks, any order, any layout.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

REPORT_VERSION = 4


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Amount(_Section):
    """How much: documents, UTF-8 bytes of their text, tokens (estimated unless `Summary.tokens_measured`)."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0


class RunInfo(_Section):
    """Where and when the run was made; not a function of its rows."""

    name: str
    selection: str
    gristmill: str
    created: str
    engine: str
    seconds: float
    sample: float | None
    digests: dict[str, str]
    stage_seconds: dict[str, float]


class FunnelStep(_Section):
    """One step of the funnel. tokens: None where text does not exist yet (records as framed in the files)."""

    name: str
    note: str
    documents: int
    bytes: int
    tokens: int | None


class RuleDrops(_Section):
    """What one rule drops. only: documents that fail no other rule. signal, keep: None for what is no threshold rule."""

    name: str
    signal: str | None = None
    keep: str | None = None
    source: str = ""
    applies_to: str = ""
    failing: Amount
    only: Amount


class Combination(_Section):
    """Documents that fail exactly these rules."""

    rules: list[str]
    amount: Amount


class MixSection(_Section):
    """One source, language or registered domain. before: readable documents; after: documents in the corpus."""

    name: str
    before: Amount
    after: Amount


class DomainReport(_Section):
    """The registered domains with most documents, ranked by documents before. others_have_at_most: documents of any other
    domain. without_domain: readable documents that have none."""

    largest: list[MixSection]
    others_have_at_most: int
    without_domain: Amount


class PageType(_Section):
    """Web pages of one type, as gristmill's extractor judged them. shown_bytes: of the text that the pages show. text_bytes: of
    what was taken as their text. kept: pages in the corpus."""

    name: str
    documents: int
    without_text: int
    shown_bytes: int
    text_bytes: int
    kept: int


class Example(_Section):
    location: str
    detail: str


class QuarantineGroup(_Section):
    """Records that could not be read, of one source and for one reason; bytes of the records."""

    source: str
    reason: str
    documents: int
    bytes: int
    examples: list[Example]


class UnreadFile(_Section):
    url: str
    error: str


class BalanceSection(_Section):
    """The framing tally against the rows written."""

    source: str
    bytes_consumed: int
    records_framed: int
    documents: int
    quarantined: int
    skipped: dict[str, int]
    left_out_by_sample: int


class SampleSection(_Section):
    """One document shown as text. value: of the rule's signal. excerpt: None when the run does not store the text."""

    doc_id: str
    source: str
    url: str | None
    location: str
    kept: bool
    failed_rules: list[str]
    text_bytes: int
    value: float | int | bool | str | None = None
    excerpt: str | None
    is_cut: bool


class RuleSamples(_Section):
    """Documents on the two sides of a rule, the nearest to its threshold where it has one (`by_margin`)."""

    rule: str
    by_margin: bool
    failing: list[SampleSection]
    passing: list[SampleSection]


class ClusterSize(_Section):
    size: int
    clusters: int


class Cluster(_Section):
    size: int
    survivor: SampleSection


class Duplicates(_Section):
    """Clusters of duplicates, exact and near, among the documents that passed the rules. why: what decided for the survivor."""

    clusters: int
    removed: Amount
    by_size: list[ClusterSize]
    why: dict[str, int]
    largest: list[Cluster]


class DiffPiece(_Section):
    """A stretch of words: `same` (cut in the middle when long), only `earlier`, or only `later`."""

    kind: str
    text: str


class NearPair(_Section):
    """Two documents at the edge of the wanted similarity, and how their words differ; None: texts are not stored."""

    similarity: float
    similar: bool
    earlier: str
    later: str
    pieces: list[DiffPiece] | None


class NearDuplicates(_Section):
    """What near-duplicate removal compared and dropped.

    compared = verified + refuted candidate pairs; left_by_cap: bucket pairs not compared. chained: documents whose
    survivor is not similar to them (`link: component` only). exact_only, near_only, both: what is dropped by kind.
    """

    similarity: float
    link: str
    compared: int
    verified: int
    refuted: int
    left_by_cap: int
    chained: int
    eccentricity: int | None
    clusters_by_size: dict[str, int]
    exact_only: Amount
    near_only: Amount
    both: Amount
    edge: list[NearPair]


class ContaminatedItem(_Section):
    """An item of an evaluation set that documents share words with. overlap, longest: the greatest of any document."""

    item: str
    excerpt: str
    documents: int
    overlap: float
    longest: int
    example: str


class EvaluationSetReport(_Section):
    """The reverse report of one evaluation set.

    items: all; too_short: those with no n-gram that counts; touched: those that any document shares a match with;
    contaminated: those held to the policy's threshold. by_overlap: touched items by tenths of the greatest overlap.
    """

    name: str
    items: int
    too_short: int
    touched: int
    contaminated: int
    by_overlap: list[int]
    worst: list[ContaminatedItem]


class MixedGroup(_Section):
    """One source or language of the mix; see pipelines/write/mix/targets.GroupTarget."""

    name: str
    documents: int
    available: int
    wanted: float
    share: float
    tokens: int
    repetitions: float
    limit: str
    lost: int


class MixReport(_Section):
    """How often documents are used: target tokens, and documents by their number of copies."""

    by: str
    tokens: int
    groups: list[MixedGroup]
    notes: list[str]
    documents_by_copies: dict[str, int]


class EditReason(_Section):
    reason: str
    documents: int
    edits: int
    bytes_removed: int
    bytes_added: int


class Threshold(_Section):
    """A rule drawn into a histogram. edge: index into `edges` of the border between kept and dropped; None: not drawn."""

    rule: str
    keep: str
    edge: int | None


class Histogram(_Section):
    """Documents by the value of one signal, apart for the corpus and what was dropped.

    Numbers: bin i holds edges[i-1] <= value < edges[i]; the first and the last bin are open. labels name the edges.
    Other types: one bin per label. undefined: documents whose signal is null.
    """

    signal: str
    type: str
    unit: str
    description: str
    edges: list[float | int]
    labels: list[str]
    kept: list[int]
    dropped: list[int]
    undefined_kept: int
    undefined_dropped: int
    smallest: float | int | None
    largest: float | int | None
    thresholds: list[Threshold]


class Summary(_Section):
    """The whole report. steps: what steps that gristmill does not bring say of the run, by their name."""

    report_version: int = REPORT_VERSION
    key: str
    run: RunInfo
    tokens_measured: bool
    text_version: str
    funnel: list[FunnelStep]
    rules: list[RuleDrops]
    combinations: list[Combination]
    combinations_total: int
    sources: list[MixSection]
    languages: list[MixSection] | None
    page_types: list[PageType]
    domains: DomainReport | None = None
    quarantine: list[QuarantineGroup]
    files: int
    incomplete: list[str]
    unread_files: list[UnreadFile]
    unread_files_total: int
    balance: list[BalanceSection]
    colliding_ids: int
    duplicates: Duplicates | None
    near: NearDuplicates | None = None
    mixing: MixReport | None = None
    contamination: list[EvaluationSetReport] = Field(default_factory=list)
    steps: dict[str, dict[str, Any]] = Field(default_factory=dict)
    edits: list[EditReason] | None
    histograms: list[Histogram]
    kept_samples: list[SampleSection]
    dropped_samples: list[SampleSection]
    rule_samples: list[RuleSamples] = Field(default_factory=list)

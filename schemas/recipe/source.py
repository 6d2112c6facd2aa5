"""What a recipe says about one source of documents: where the files are and how to read them."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, get_args

import webencodings
from gristmill.schemas.lookup import installed_names, nearest_name
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.rows.registry import DOCUMENT
from gristmill.schemas.strict import Strict
from pydantic import Field, field_validator, model_validator

READERS_GROUP = "gristmill.readers"  # of entry points: readers that installed packages bring
SourceFormat = Literal[
    "auto",
    "warc",
    "wet",
    "arc",
    "common_crawl",
    "html",
    "text",
    "json",
    "jsonl",
    "csv",
    "parquet",
    "datasets",
    "mediawiki",
    "stackexchange",
    "reddit",
    "books",
    "code",
    "jats",
    "latex",
    "medline",
]
FORMS_GROUP = "gristmill.forms"  # of entry points: forms of records that installed packages bring
RecordForm = Literal[
    "question_answers",
    "discussion",
    "ifeval",
    "code_tests",
    "openassistant",
    "labelled",
    "prometheus",
    "transcripts",
    "preference",
    "outcomes",
    "ratings",
    "votes",
    "rated_answers",
    "choices",
    "gsm8k",
    "math",
    "messages",
    "sharegpt",
    "alpaca",
    "prompt_completion",
]

# Metadata keys the readers write themselves; a mapped column of the same name would be overwritten.
READER_NOTES = (
    "charset",
    "columns_found",
    "extraction",
    "form",
    "http_status",
    "mime",
    "nul_characters",
    "opt_out",
    "page",
    "replaced_bytes",
    "replaced_surrogates",
    "timestamp_raw",
    "title",
    "transfer",
    "truncated",
    "unextracted_characters",
    "warc_record_id",
)


class Columns(Strict):
    """Which columns of a file hold what; `a.b` reaches into nested objects.

    text: the column with the document's text, or several, such as `[instruction, input, output]` or
        `[messages.content]`: then every string in them, also inside lists and objects, in this order, joined by `separator`.
    id: a column whose value identifies the document within the source; None: the position in the file does.
    url, timestamp: taken from columns of these names when they exist; a name given here must exist.
    metadata: further columns to keep in `metadata`.
    """

    renamed: ClassVar = {"joint": "separator"}

    text: str | tuple[str, ...] = "text"
    separator: str = "\n\n"
    id: str | None = None
    url: str | None = "url"
    timestamp: str | None = "timestamp"
    metadata: tuple[str, ...] = ()

    @field_validator("metadata")
    @classmethod
    def _check_metadata(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        taken = sorted(set(names) & set(READER_NOTES))
        if taken:
            raise ValueError(f"found {', '.join(taken)}; expected names other than the readers' own notes")
        return names

    @field_validator("text")
    @classmethod
    def _check_text(cls, names: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not names:
            raise ValueError("found no column; expected the one with the text, or several")
        return names

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns with text."""
        return (self.text,) if isinstance(self.text, str) else self.text

    @property
    def only_text(self) -> str | None:
        """The one column whose strings are the texts as they are; None where a text is made of several strings."""
        return self.text if isinstance(self.text, str) else None

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that must exist: text, and whatever the recipe names itself."""
        named = [getattr(self, field) for field in ("id", "url", "timestamp") if field in self.model_fields_set]
        return tuple(dict.fromkeys([*self.texts, *(name for name in named if name), *self.metadata]))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The required columns and the optional ones."""
        return tuple(dict.fromkeys([*self.required, *(name for name in (self.url, self.timestamp) if name)]))


class PairOptions(Strict):
    """How answers to one prompt that were rated, ranked, voted on or checked become preference pairs.

    choose: `best_worst`; `best_random_lower`: the best with one drawn from those that are worse; or `all` pairs.
    min_margin: by how much the scores of a pair must differ; equal scores are a tie, which never makes a pair.
    score: the name of the rating that counts where answers have several (`overall_score`, `helpfulness`); by default
        see docs/curation.md.
    max_pairs: that a record may make with `all`; the others are drawn away.
    seed: of draws, which depend on it and on the content alone.
    """

    choose: Literal["best_worst", "best_random_lower", "all"] = "best_worst"
    min_margin: float = Field(default=0.0, ge=0)
    score: str | None = None
    max_pairs: int = Field(default=64, gt=0)
    seed: int = 0


class CrawlOptions(Strict):
    """Where and how the archives are read that a list of files or the result of an index names.

    store: the folder or address that their names are below, such as `s3://commoncrawl/`; by default the folder of the list.
    files: how many of each list, evenly spread over it; by default all.
    connections: requests that a task makes at the same time, of records that an index names.
    """

    store: RecipePath | None = None
    files: int | None = Field(default=None, gt=0)
    connections: int = Field(default=4, gt=0, le=64)


class BookOptions(Strict):
    """What of books is kept besides their text.

    front_matter: title page, imprint and the like, before the first chapter or sentence.
    contents: tables of contents and lists of pictures.
    notes: notes of transcribers and credits of those who made the file.
    word_list: a file of known words, one a line: a hyphen at the end of a line is undone where the joined word is in it, or
        in the book itself.
    """

    front_matter: bool = False
    contents: bool = False
    notes: bool = False
    word_list: RecipePath | None = None


class ThreadOptions(Strict):
    """Which posts of questions and discussions are read.

    min_score: answers and comments with fewer votes are left out; None: none is.
    """

    min_score: int | None = None


class WikiOptions(Strict):
    """How exports of MediaWiki are read.

    name: the database name of the wiki, such as `dewiki`; by default what the name of the file begins with, else what the
        export says.
    namespaces: the numbers of those whose pages are documents; 0 is that of articles.
    """

    name: str | None = None
    namespaces: tuple[int, ...] = (0,)


class ArticleOptions(Strict):
    """What of articles in JATS is kept.

    tables: as Markdown. captions: of figures and tables. sub_articles: letters of editors, and answers to them.
    """

    tables: bool = False
    captions: bool = True
    sub_articles: bool = False


class LatexOptions(Strict):
    """What of papers in LaTeX is kept.

    captions: of figures and tables. tables: as LaTeX. acknowledgements: sections and environments of them.
    """

    captions: bool = True
    tables: bool = False
    acknowledgements: bool = False


class CodeOptions(Strict):
    """How repositories of source code are read.

    documents: each file, or whole repositories, their files with a header before each.
    order: of the files in a whole repository: by path, or each after those of its files that it imports.
    max_file_bytes: larger files are left out, and counted as `large_file`.
    revision: a branch, tag or commit of git repositories; by default HEAD.
    file_header: the line before each file of a repository; `{path}` stands for its path.
    """

    documents: Literal["files", "repositories"] = "files"
    order: Literal["path", "dependency"] = "path"
    max_file_bytes: int = Field(default=1 << 20, gt=0)
    revision: str = ""
    file_header: str = "# file: {path}"

    @model_validator(mode="after")
    def _check_order(self) -> "CodeOptions":
        if self.order == "dependency" and self.documents == "files":
            raise ValueError(
                "found `order: dependency` of files that are documents; expected `documents: repositories`"
            )
        return self


class Source(Strict):
    """One source of documents.

    path: files, folders, globs (`**` too) and fsspec URLs (`s3://`, `memory://`), one or several.
    format: of the files, by default told by their names and first bytes; or, for rows of other kinds than documents, the
        form of the records in them (`messages`, `alpaca`, ...; see docs/curation.md), by default told by each record.
    rows: the kind of the recipe's rows; set `rows:` of the recipe.
    exclude: globs matched against the path relative to `root` and against the file name.
    root: what relative paths (part of a document's identity) are relative to; default: the part of `path` before the
        first wildcard, for a file its folder, for several paths what they have in common.
    snapshot: a crawl or dump label copied to every document.
    extract: what turns HTML into text; "gristmill_markdown" keeps headings, lists, tables and code as Markdown, "none" keeps
        the markup.
    max_document_bytes: a record (line, file, web page) or text above this is quarantined as `too_large`.
    encoding: of text, CSV and JSON Lines files and web pages, by the labels of the WHATWG standard or Python's names; "auto":
        decided by byte order mark, what pages and servers declare, and the bytes.
    delimiter: of CSV files, one character; "auto": comma, semicolon, tab or bar, whichever gives the columns asked for.
    max_field_lines: a quoted CSV field that crosses more lines was never closed: its first line is quarantined as
        `open_quote`, and the lines after it are read again.
    roles: what speakers are whose names are no usual ones (`{narrator: user}`): system, user, assistant or tool.
    pairs: of rows that are a pair: how compared answers become pairs.
    articles: of articles in JATS: what of them is kept.
    latex: of papers in LaTeX: what of them is kept.
    books: of books: what of them is kept.
    wiki: of MediaWiki exports.
    threads: of Stack Exchange and Reddit.
    code: of repositories of source code: which documents are made of them.
    priority: higher wins when duplicates compete. licence: of its documents, for the dataset card.
    text: the text version that documents of this source are written in; by default what the recipe or its profiles say.
    """

    name: str = Field(min_length=1)
    path: RecipePath | tuple[RecipePath, ...]
    exclude: tuple[str, ...] = ()
    root: RecipePath | None = None
    format: str = Field("auto", json_schema_extra={"examples": [*get_args(SourceFormat), *get_args(RecordForm)]})
    rows: str = DOCUMENT
    columns: Columns = Columns()
    snapshot: str | None = None
    extract: Literal["gristmill", "gristmill_markdown", "resiliparse", "trafilatura", "none"] = "gristmill"
    max_document_bytes: int = Field(default=64 << 20, gt=0)
    encoding: str = "auto"
    delimiter: str = "auto"
    max_field_lines: int = Field(default=100_000, gt=0)
    roles: Mapping[str, Literal["system", "user", "assistant", "tool"]] = {}
    pairs: PairOptions = PairOptions()
    articles: ArticleOptions = ArticleOptions()
    latex: LatexOptions = LatexOptions()
    crawl: CrawlOptions = CrawlOptions()
    books: BookOptions = BookOptions()
    wiki: WikiOptions = WikiOptions()
    threads: ThreadOptions = ThreadOptions()
    code: CodeOptions = CodeOptions()
    priority: int = 0
    licence: str | None = None
    text: str | None = None

    @field_validator("format")
    @classmethod
    def _check_format(cls, name: str) -> str:
        known = [*get_args(SourceFormat), *installed_names(READERS_GROUP), *known_forms()]
        if name not in known and ":" not in name and "." not in name:
            nearest = nearest_name(name, known)
            hint = f"; did you mean {nearest!r}?" if nearest else ""
            raise ValueError(
                f"found {name!r}{hint}; expected one of {', '.join(known)}, or the module of a reader of your own"
            )
        return name

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, name: str) -> str:
        known = webencodings.lookup(name) if name.isascii() else None
        if name != "auto" and (known is None or known.name == "replacement"):
            try:
                "".encode(name)
            except (LookupError, UnicodeError, ValueError):
                raise ValueError(
                    f"found {name!r}; expected 'auto' or an encoding that browsers or Python know, such as 'utf-8'"
                ) from None
        return name

    @field_validator("delimiter")
    @classmethod
    def _check_delimiter(cls, text: str) -> str:
        if text != "auto" and (len(text) != 1 or text in '"\r\n'):
            raise ValueError(f"found {text!r}; expected 'auto' or one character, such as ';' or \"\\t\"")
        return text

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not path or not all((path,) if isinstance(path, str) else path):
            raise ValueError("found an empty path; expected a file, folder, glob or URL")
        return path

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def has_documents(self) -> bool:
        """Whether its rows are documents: texts found by `columns`; else records that have a form."""
        return self.rows == DOCUMENT

    @property
    def form(self) -> str:
        """The form of its records; "auto": told by each record."""
        return self.format if self.format in known_forms() else "auto"

    @property
    def file_format(self) -> str:
        """The format of its files; "auto": told by their names and first bytes."""
        return self.format if self.form == "auto" else "auto"

    @property
    def required_columns(self) -> tuple[str, ...]:
        """The columns that its tables must have."""
        columns = self.columns
        return columns.required if self.has_documents else tuple(n for n in columns.required if n not in columns.texts)

    def wanted_columns(self, found: Sequence[str]) -> tuple[str, ...]:
        """The columns of its tables that are read: of records with a form all that are found."""
        return self.columns.wanted if self.has_documents else tuple(found)


def brought_forms() -> tuple[str, ...]:
    """The names of the forms that gristmill brings."""
    return get_args(RecordForm)


def known_forms() -> tuple[str, ...]:
    """The names of the forms that records may have."""
    return (*brought_forms(), *installed_names(FORMS_GROUP))

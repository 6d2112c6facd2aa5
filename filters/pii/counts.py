"""How much personal data and how many secrets a document holds, by kind.

Sources: presidio-analyzer's pattern recognisers; detect-secrets' forms of keys; what differs from presidio, and why, is
in docs/pii.md and listed by `benchmarks/pii.py differences`.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.pii.find import PiiOptions, find, has_candidates
from gristmill.filters.pii.kinds import NAMED_ENTITIES, PLACEHOLDERS
from gristmill.filters.pii.names import model
from gristmill.schemas.signals import Family, Signal

_WHAT = {
    "email": "e-mail addresses",
    "phone": "telephone numbers",
    "credit_card": "payment cards (Luhn)",
    "iban": "bank accounts (IBAN, mod 97)",
    "ip_address": "public IP addresses",
    "national_id": "national identity numbers",
    "url_credentials": "URLs with a password",
    "secret": "API keys, tokens, private keys and passwords",
    "crypto_address": "addresses of crypto currencies",
    "person": "names of persons",
    "location": "names of places",
    "organization": "names of organisations",
}


def check(options: Mapping[str, Any]) -> None:
    """Raises ModelError for a model that cannot be used."""
    chosen = PiiOptions.model_validate(options)
    if chosen.model:
        model(chosen.model)


def prepare(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The batch with null for texts in which the pre-scan saw nothing: only the others go to a worker process."""
    texts = batch.column("text")
    if options.get("model"):
        return batch
    return pa.record_batch({"text": pc.if_else(has_candidates(texts, options), texts, pa.scalar(None, texts.type))})


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Counts of the values in `text`; of the names only where option `model` is given."""
    rows = [Counter(value.kind for value in values) for values in find(batch.column("text"), options)]
    absent = () if options.get("model") else NAMED_ENTITIES
    columns = [pa.array([None if kind in absent else row[kind] for row in rows], pa.int64()) for kind in PLACEHOLDERS]
    columns.append(pa.array([row.total() for row in rows], pa.int64()))
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


FAMILY = Family(
    name="pii",
    version=3,
    signals=(
        *(
            Signal(
                f"pii_{kind}_count",
                "int",
                "values",
                _WHAT[kind],
                "no model is given" if kind in NAMED_ENTITIES else None,
            )
            for kind in PLACEHOLDERS
        ),
        Signal("pii_total", "int", "values", "all of these"),
    ),
    measure="gristmill.filters.pii.worker:measure",
    prepare="gristmill.filters.pii.counts:prepare",
    source="presidio-analyzer; detect-secrets",
    isolated=True,  # presidio and spaCy hold the GIL
    options=PiiOptions,
    libraries=("presidio-analyzer", "phonenumbers", "tldextract", "spacy"),
    check="gristmill.filters.pii.counts:check",
)

"""Every transform, by name; adding one is its own file plus a line here.

A transform is `edits(texts: pa.Array, options: Mapping) -> pa.Array` of `schemas.rows.edits.EDITS`: it says what it would
change and touches nothing.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pyarrow as pa
from gristmill.schemas.lookup import load_registered

Transform = Callable[[pa.Array, Mapping[str, Any]], pa.Array]

TRANSFORMS: dict[str, str] = {
    "c4_dolma_lines": "gristmill.filters.c4.dolma:edits",
    "c4_lines": "gristmill.filters.c4.edits:edits",
    "clean": "gristmill.filters.transforms.clean:edits",
    "control_characters": "gristmill.filters.transforms.control_characters:edits",
    "encoding_repair": "gristmill.filters.transforms.encoding_repair:edits",
    "nfc": "gristmill.filters.transforms.unicode_normal_form:edits",
    "pii": "gristmill.filters.pii.edits:edits",
    "whitespace": "gristmill.filters.transforms.whitespace:edits",
    "refinedweb_addresses": "gristmill.filters.refinedweb.edits:address_edits",
    "refinedweb_ip_addresses": "gristmill.filters.refinedweb.edits:ip_address_edits",
    "refinedweb_line_breaks": "gristmill.filters.refinedweb.edits:line_break_edits",
    "refinedweb_lines": "gristmill.filters.refinedweb.edits:edits",
}

# Raised whenever the edits of a transform may change; 1 unless listed.
REVISIONS = {"refinedweb_addresses": 2}

# A text version is a named chain of transforms applied to the original text, in order, each with its options.
TEXT_VERSIONS: dict[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "original": (),
    "clean": (("clean", {}),),
    "c4_lines_code": (("c4_lines", {"definition": "code"}),),
    "c4_lines_datatrove": (("c4_lines", {"definition": "datatrove"}),),
    "c4_lines_datatrove_any_end": (("c4_lines", {"definition": "datatrove_any_end"}),),
    "c4_lines_dolma": (("c4_dolma_lines", {}),),
    "c4_lines_paper": (("c4_lines", {"definition": "paper"}),),
    "refinedweb_cleaned": (
        ("refinedweb_addresses", {}),
        ("refinedweb_ip_addresses", {}),
        ("refinedweb_line_breaks", {}),
    ),
    "refinedweb_lines": (
        ("refinedweb_addresses", {}),
        ("refinedweb_ip_addresses", {}),
        ("refinedweb_line_breaks", {}),
        ("refinedweb_lines", {}),
    ),
}


def text_version_key(version: str) -> str:
    """The name of a text version with the revisions of its transforms: what keys of stages that read it are made of.

    >>> text_version_key("refinedweb_cleaned")
    'refinedweb_cleaned, refinedweb_addresses 2'
    """
    chain = version.rpartition("+")[2]  # behind a view
    revised = [f"{step} {REVISIONS[step]}" for step, _ in TEXT_VERSIONS.get(chain, ()) if step in REVISIONS]
    return ", ".join([version, *revised])


@cache
def transform(name: str) -> Transform:
    """The transform registered under `name`; RecipeError with the known names when there is none."""
    found: Transform = load_registered(TRANSFORMS, "transform", name)
    return found

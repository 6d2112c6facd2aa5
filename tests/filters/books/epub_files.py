"""EPUB files made up for tests."""

import io
import zipfile

CONTAINER = (
    '<?xml version="1.0"?><container '
    'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/p.opf" '
    'media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def package(names: list[str], extra: str = "", properties: dict[str, str] | None = None) -> str:
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml" properties="{(properties or {}).get(name, "")}"/>'
        for n, name in enumerate(names)
    )
    refs = "".join(f'<itemref idref="i{n}"/>' for n in range(len(names)))
    return (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The &amp; Mill</dc:title><dc:creator>A. '
        "Miller</dc:creator>"
        f"<dc:language>en</dc:language></metadata><manifest>{items}</manifest><spine>{refs}</spine>{extra}</package>"
    )


def xhtml(body: str, kind: str = "") -> str:
    mark = f' epub:type="{kind}"' if kind else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head><body{mark}>{body}</body></html>'
    )


def epub(files: dict[str, str | bytes], opf: str | None = None, container: str | None = CONTAINER) -> bytes:
    """The archive; files: in `OPS/`, in the order of the spine unless there is a package of its own."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        if container:
            archive.writestr("META-INF/container.xml", container)
        archive.writestr("OPS/p.opf", package(list(files)) if opf is None else opf)
        for name, content in files.items():
            archive.writestr(f"OPS/{name}", content)
    return out.getvalue()

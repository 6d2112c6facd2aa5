"""Jupyter notebooks as text: cells in order, prose as it stands, code in fences; outputs, pictures and metadata out."""

import json
import re
from typing import Any

_TICKS = re.compile(r"`{3,}")


def notebook_text(raw: str) -> str | None:
    """The cells of a notebook (format 3 or 4) as Markdown; None for what is no notebook."""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    cells = content.get("cells")
    if not isinstance(cells, list):
        sheets = content.get("worksheets")
        sheets = [sheet for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
        lists = [sheet["cells"] for sheet in sheets if isinstance(sheet.get("cells"), list)]
        cells = [cell for one in lists for cell in one] if sheets else None
    if cells is None:
        return None
    language = _language(content.get("metadata"))
    parts = [_cell(cell, language) for cell in cells if isinstance(cell, dict)]
    return "\n\n".join(part for part in parts if part)


def _language(metadata: Any) -> str:
    about = metadata if isinstance(metadata, dict) else {}
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        part = about.get(key)
        if isinstance(part, dict) and isinstance(part.get(name), str):
            return re.sub(r"[^\w+#.-]", "", part[name])[:30].lower()
    return "python"


def _cell(cell: dict[str, Any], language: str) -> str:
    kind = cell.get("cell_type")
    text = _joined(cell.get("source", cell.get("input"))).strip("\n")
    if not text.strip():
        return ""
    if kind == "code":
        fence = max(["```", *(found + "`" for found in _TICKS.findall(text))], key=len)
        return f"{fence}{language}\n{text}\n{fence}"
    if kind == "heading":
        level = cell.get("level")
        return f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {text}"
    return text if kind == "markdown" else ""


def _joined(source: Any) -> str:
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""

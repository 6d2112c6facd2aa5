"""A run whose every text, URL, name and file tries to become markup or code in the report."""

import json
from pathlib import Path

MARK = "gristmill-was-here"
RUN = f"document.documentElement.setAttribute('data-{MARK}','1');document.title='{MARK}'"
PAYLOADS = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</title></style></textarea></noscript><script>{RUN}</script>",
    f'<img src=x onerror="{RUN}">',
    f"'\"><svg onload={RUN}>",
    f'"><body onload="{RUN}">',
    f'" onmouseover="{RUN}" autofocus onfocus="{RUN}" x="',
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    f"<!--<script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    f'<a href="javascript:{RUN}">press</a>',
    f'<meta http-equiv=refresh content="0;url=javascript:{RUN}">',
    "<link rel=stylesheet href=https://attacker.invalid/a.css><img src=https://attacker.invalid/b.png>",
    "<base href=https://attacker.invalid/>",
    f"{{{{constructor.constructor('{RUN}')()}}}} ${{{RUN}}} %{{customdata}} <%= {RUN} %>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\u2028\u2029\u0000\u202e<script>{RUN}</script>\ufeff",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
)
URLS = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}//https://example.org",
    f"data:text/html,<script>{RUN}</script>",
    f'https://example.org/"onmouseover="{RUN}',
    f"https://example.org/<script>{RUN}</script>",
    f"vbscript:{RUN}",
)
SOURCE = f'<img src=x onerror="{RUN}">'


def write_hostile_files(folder: Path) -> dict[str, object]:
    """The recipe; among the lines are broken UTF-8, lone surrogates and lines that are no JSON."""
    lines: list[bytes] = []
    for number in range(4 * len(PAYLOADS)):
        payload = PAYLOADS[number % len(PAYLOADS)]
        text = payload if number < len(PAYLOADS) else f"{payload} " * (number // len(PAYLOADS)) + str(number % 3)
        record = {"text": text, "url": URLS[number % len(URLS)], "headline": payload}
        lines.append(json.dumps(record, ensure_ascii=number % 2 == 0).encode("utf-8", "surrogatepass"))
    script = PAYLOADS[0].encode()
    lines += [
        b'{"text": "' + script + b'\xff\xfe\x80 broken UTF-8"}',
        b'{"text": "lone \\ud800 ' + script + b'"}',
        script + b" is no JSON \xc3\x28",
        b'{"text": ' + script,
    ]
    (folder / "hostile<script>.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (folder / "b.jsonl").write_text(json.dumps({"text": "a harmless text of six words"}) + "\n", encoding="utf-8")
    return {
        "name": "hostile",
        "sources": [
            {
                "name": SOURCE,
                "path": str(folder / "hostile<script>.jsonl"),
                "columns": {"metadata": ["headline"]},
            },
            {"name": PAYLOADS[1], "path": str(folder / "b.jsonl")},
        ],
        "policy": {
            "rules": [
                {
                    "name": PAYLOADS[0],
                    "signal": "word_count",
                    "keep": ">= 4",
                    "source": PAYLOADS[3],
                },
                {"name": "long_text", "signal": "text_bytes", "keep": "<= 600"},
            ]
        },
        "card": {"description": PAYLOADS[1], "licence": PAYLOADS[0]},
    }

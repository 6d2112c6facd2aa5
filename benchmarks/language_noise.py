"""Texts in no language, as corpora hold them: sequences, encodings, dumps, code, markup, numbers, mojibake, keyboard runs."""

import base64
import json
import random
import string
import sysconfig
import tokenize
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

SIZES = (20, 60, 200, 800, 3000)  # characters, about
_NAMES = ("foo", "bar", "id", "key", "value", "node", "item", "data", "list", "user", "name", "total", "type", "error")
_TAGS = (
    '<div class="{}">', "</div>", '<span id="{}"></span>', '<td width="{}">', "<br/>", '<li class="{} {}"><a href="/{}">',
    "&nbsp;&nbsp;", '<img src="/{}.png"/>', "<{}>", "</{}>",
)  # fmt: skip
_CYRILLIC, _GREEK = "абвгдежзийклмнопрстуфхцчшщъыьэюя", "αβγδεζηθικλμνξοπρστυφχψω"
_LEGACY = {
    "ru": "cp1251", "uk": "cp1251", "bg": "cp1251", "el": "cp1253", "ar": "cp1256", "he": "cp1255", "zh": "gb18030",
    "ja": "shift_jis", "ko": "cp949",
}  # fmt: skip


def noise(seed: int, rounds: int) -> Iterator[tuple[str, str]]:
    """(kind, text) of every kind, `rounds` times, of sizes drawn from SIZES."""
    draw = random.Random(seed)
    code = python_without_prose()
    for _ in range(rounds):
        size = draw.choice(SIZES)
        yield from _sequences(draw, size).items()
        yield from _dumps(draw, size).items()
        yield from _tokens(draw, size).items()
        yield "markup", "\n".join(_filled(draw, draw.choice(_TAGS)) for _ in range(max(3, size // 20)))
        yield "python", _slice(draw, draw.choice(code), max(size, 60))


def _sequences(draw: random.Random, size: int) -> dict[str, str]:
    def drawn(alphabet: str, count: int) -> str:
        return "".join(draw.choice(alphabet) for _ in range(count))

    def words(alphabet: str, longest: int) -> str:
        return " ".join(drawn(alphabet, draw.randrange(1, longest)) for _ in range(max(2, size // 6)))

    syllable = draw.choice(["la", "ha", "na", "blah", "hey", "lol", "xd", "ja", "ho", "a", "the", "de"])
    return {
        "dna": drawn("ACGT", size),
        "dna in lines": "\n".join(drawn("acgt", 60) for _ in range(max(1, size // 60))),
        "protein": drawn("ACDEFGHIKLMNPQRSTVWY", size),
        "one letter": draw.choice(string.ascii_letters + "éñøжяωשعकあ漢") * size,
        "runs of letters": " ".join(draw.choice(string.ascii_lowercase) * draw.randrange(1, 12) for _ in range(size // 8)),
        "one syllable": " ".join([syllable] * max(3, size // 4)),
        "random letters": words(string.ascii_lowercase, 10),
        "random cyrillic": words(_CYRILLIC, 10),
        "random greek": words(_GREEK, 10),
        "keyboard": "".join(draw.choice(["asdf", "jkl", "qwer", "zxcv", "sdfg", "hjk", " ", "uiop"]) for _ in range(size // 4)),
    }  # fmt: skip


def _dumps(draw: random.Random, size: int) -> dict[str, str]:
    def octets(count: int) -> str:
        return " ".join(f"{byte:02x}" for byte in draw.randbytes(count))

    lines = max(1, size // 60)
    return {
        "base64": base64.b64encode(draw.randbytes(size)).decode(),
        "base64 in lines": "\n".join(base64.b64encode(draw.randbytes(57)).decode() for _ in range(lines)),
        "base32": base64.b32encode(draw.randbytes(size // 2)).decode(),
        "base85": base64.b85encode(draw.randbytes(size)).decode(),
        "hex": draw.randbytes(size // 2).hex(),
        "hex dump": "\n".join(f"{16 * n:08x}  {octets(16)}" for n in range(lines)),
        "hex pairs": octets(max(4, size // 3)).upper(),
        "uuids": " ".join(
            "-".join(draw.randbytes(n).hex() for n in (4, 2, 2, 2, 6)) for _ in range(max(1, size // 36))
        ),
    }


def _tokens(draw: random.Random, size: int) -> dict[str, str]:
    def drawn(alphabet: str, least: int, most: int) -> str:
        return "".join(draw.choice(alphabet) for _ in range(draw.randrange(least, most)))

    def number() -> str:
        return f"{draw.randrange(10 ** draw.randrange(1, 7))}" + draw.choice(["", " kg", "%", " USD", " cm", "px", "k"])

    def address() -> str:
        return f"http://{drawn(string.ascii_lowercase, 5, 9)}.com/{drawn(string.ascii_letters + string.digits, 3, 20)}"

    def stroke() -> str:
        return f"{draw.choice('MLHVCSQTAZmlhvcsqtaz')}{draw.random() * 100:.2f},{draw.random():.2f}"

    def move(turn: int) -> str:
        return f"{turn}. {draw.choice('NBRQK')}{draw.choice('abcdefgh')}{draw.randrange(1, 9)}"

    def record() -> dict[str, object]:
        return {draw.choice(_NAMES): draw.randrange(9999), draw.choice(_NAMES): draw.random() > 0.5}

    def entry() -> str:
        time = f"2024-0{draw.randrange(1, 9)}-1{draw.randrange(9)}T0{draw.randrange(9)}:{draw.randrange(10, 59)}:07Z"
        return f"{time} {draw.choice(['INFO', 'WARN', 'ERR'])} [{draw.choice(_NAMES)}-{draw.randrange(99)}] {draw.random()}"

    def identifier() -> str:
        return f"{draw.choice(_NAMES)}_{draw.choice(_NAMES)}{draw.randrange(99)}"

    codes = string.ascii_uppercase + string.digits
    return {
        "codes": " ".join(drawn(codes, 4, 12) for _ in range(max(2, size // 9))),
        "numbers": " ".join(number() for _ in range(max(3, size // 6))) + " kg",
        "urls": " ".join(address() for _ in range(max(1, size // 40))),
        "vector path": " ".join(stroke() for _ in range(max(3, size // 12))),
        "chess": " ".join(move(turn) for turn in range(1, max(4, size // 8))),
        "json": json.dumps([record() for _ in range(max(1, size // 30))]),
        "log": "\n".join(entry() for _ in range(max(1, size // 45))),
        "identifiers": " ".join(identifier() for _ in range(max(2, size // 10))),
    }


def _filled(draw: random.Random, template: str) -> str:
    return template.format(*(draw.choice(_NAMES) for _ in range(template.count("{}"))))


def _slice(draw: random.Random, text: str, size: int) -> str:
    start = draw.randrange(max(1, len(text) - size))
    return text[start : start + size]


def python_without_prose() -> list[str]:
    """Modules of the standard library without comments and strings."""
    found = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        tokens = tokenize.tokenize(BytesIO(path.read_bytes()).readline)
        kept = [token for token in tokens if token.type not in (tokenize.COMMENT, tokenize.STRING, tokenize.ENCODING)]
        lines: dict[int, str] = {}
        for token in kept:
            line = lines.get(token.start[0], "")
            lines[token.start[0]] = line + " " * (token.start[1] - len(line)) + token.string.rstrip("\n")
        text = "\n".join(line for line in lines.values() if line.strip())
        if len(text) > 2000:
            found.append(text)
    return found


def mojibake(texts: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Texts (by language) in the charset that was usual for the language, or UTF-8, read as Latin-1."""
    for language, charset in _LEGACY.items():
        for text in texts.get(language, ()):
            yield "mojibake", text.encode(charset, "ignore").decode("latin-1")
            yield "mojibake of UTF-8", text.encode().decode("latin-1")

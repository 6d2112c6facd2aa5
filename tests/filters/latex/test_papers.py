"""Papers in LaTeX: what is text, what is not, what reads what, and sources that mean harm."""

import gzip
import io
import tarfile
from collections import Counter

import pytest
from gristmill.filters.latex.comments import without_comments
from gristmill.filters.latex.groups import MAX_ARGUMENT, group_end
from gristmill.filters.latex.macros import Macros
from gristmill.filters.latex.markdown import LatexChoices
from gristmill.filters.latex.paper import PaperError, paper_of
from gristmill.filters.latex.unpack import files_of

START = "\\documentclass{article}\n"


def text_of(body: str, preamble: str = "", choices: LatexChoices | None = None, **files: str) -> str:
    source = f"{START}{preamble}\\begin{{document}}{body}\\end{{document}}"
    others = {name.replace("__", "/").replace("_", "."): text.encode() for name, text in files.items()}
    return paper_of({"main.tex": source.encode(), **others}, choices).text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("One\nline.\n\nAnother~one.", "One line.\n\nAnother one."),
        ("\\section{A \\emph{b}}\\label{s} c \\subsection*{D} e", "## A b\n\nc\n\n### D\n\ne"),
        ("\\textbf{bold} {\\it it} \\unknown{kept} \\unknown[opt]{kept}", "bold it kept kept"),
        ("\\section{\\texorpdfstring{A $b$}{A b}} c", "## A $b$\n\nc"),
        ("\\texorpdfstring{a} [b] \\pdftooltip{c}{d}", "a [b] c"),
        (
            "\\foreignlanguage{german}{Wort} \\hyperlink{t}{a} \\hypertarget{t}{b} \\fcolorbox{red}{blue}{c}",
            "Wort a b c",
        ),
        ("\\selectlanguage{german}a \\fontsize{10}{12}b \\markboth{l}{r}\\cellcolor{red}c\\hphantom{d}", "a b c"),
        ("\\author{A}\\affil[1]{At a mill}\\altaffil{At none} a", "a"),
        ("\\rotatebox[x=2mm]{90}{a} \\resizebox{\\linewidth}{!}{b}", "a b"),
        ("a\\footnote{b \\cite{c}.} d", "a^[b.] d"),
        ("As \\citet[p.~3]{a} says (see \\cite{b,c}) in Section~\\ref{s} \\cite{d}.", "As says in Section."),
        ("f() and (x) stay", "f() and (x) stay"),
        ("$a_1$ and \\(b\\), \\$5", "$a_1$ and $b$, $5"),
        ("x \\[ y = 1 \\label{e} \\] z", "x\n\n$$\ny = 1\n$$\n\nz"),
        ("$$a$$", "$$\na\n$$"),
        ("\\begin{equation}\\label{e}\na\n\\end{equation}", "$$\na\n$$"),
        (
            "\\begin{align*} a &= b \\\\ c &= d \\nonumber \\end{align*}",
            "$$\n\\begin{align*}\na &= b \\\\ c &= d\n\\end{align*}\n$$",
        ),
        ("\\begin{itemize}\\item a\n\nb\\item[x] c\\end{itemize}", "- a\n  b\n- x c"),
        (
            "\\begin{enumerate}\\item a \\begin{itemize}\\item b\\end{itemize}\\item c\\end{enumerate}",
            "1. a\n   - b\n2. c",
        ),
        (
            "\\begin{itemize}\\item a\n\n\\begin{verbatim}\nx\n\n  ````y\n\\end{verbatim}\\end{itemize}",
            "- a\n  `````\n  x\n\n    ````y\n  `````",
        ),
        ("\\begin{quote}a\n\nb\\end{quote}", "> a\n>\n> b"),
        ("\\begin{verbatim}\n% not a comment \\x\n  y\n\\end{verbatim}", "```\n% not a comment \\x\n  y\n```"),
        ("\\begin{lstlisting}[language=C]\nint a;\n\\end{lstlisting}", "```\nint a;\n```"),
        ("Donau\\-dampf\u00adschiff", "Donaudampfschiff"),
        ("\\begin{verbatim}\na\u00adb\n\\end{verbatim}", "```\na\u00adb\n```"),
        ("\\verb|a%b| and \\texttt{c}", "`a%b` and c"),
        ("\\begin{theorem}[Euler] A. \\end{theorem}\\begin{proof} B. \\end{proof}", "Theorem (Euler). A.\n\nProof. B."),
        ("\\begin{figure}\\includegraphics[width=1cm]{a}\\caption[s]{A \\textbf{mill}.}\\end{figure}", "A mill."),
        ("\\begin{thebibliography}{9}\\bibitem{a} B.\\end{thebibliography} c", "c"),
        ("a \\begin{tikzpicture}\\draw (0,0);\\end{tikzpicture} b", "a\n\nb"),
        ("a \\section*{Acknowledgments} thanks \\section{Next} b", "a\n\n## Next\n\nb"),
        (
            'Erd\\H{o}s, G\\"odel, na\\"{\\i}ve, \\c{c}a, stra\\ss e, \\AA ngstr\\"om, \\\'{\\i}',
            "Erdős, Gödel, naïve, ça, straße, Ångström, í",
        ),
        ("``quoted'' -- and --- 50\\% \\& \\# \\_ \\{\\}\\ldots", "“quoted” – and — 50% & # _ {}…"),
        ("a\\\\b\\\\[2mm]c", "a\nb\nc"),
        ("\\href{http://a.b}{link} \\url{http://c.d/%7e}", "link http://c.d/%7e"),
        ("\\begin{abstract}A.\\end{abstract}", "## Abstract\n\nA."),
        ("\\begin{tabular}{ll}a & b\\end{tabular}c", "c"),
        ("\\begin{unknown}a\\end{unknown}", "a"),
        ("\\maketitle\\tableofcontents\\newpage a", "a"),
        ("lone $ sign costs 5", "lone $ sign costs 5"),
        ("\\begin{figure}\\captionof{table}[s]{A mill.}\\captionsetup{x}\\end{figure}", "A mill."),
        ("\\begin{minipage}{1cm}\\captionof{figure}{A mill.}\\end{minipage}", "A mill."),
        ("\\section{a\\begin{picture}}b \\begin{picture}c\\end{picture}", "## a\n\nb"),
        ("\\begin{itemize}\\item[{[a]}] b\\end{itemize}", "- [a] b"),
        ("private \ue000\ue001\ue002 stays", "private \ue000\ue001\ue002 stays"),
    ],
)
def test_bodies(body: str, text: str) -> None:
    assert text_of(body) == text


def test_choices_and_titles() -> None:
    table = "\\begin{table}\\caption{C.}\\begin{tabular}{l}a\\end{tabular}\\end{table}"
    assert text_of(table) == "C."
    assert text_of(table, choices=LatexChoices(tables=True)) == "C.\n\n\\begin{tabular}{l}a\\end{tabular}"
    assert text_of(table + "d", choices=LatexChoices(captions=False)) == "d"
    assert (
        text_of("a\\section{Acknowledgements}b", choices=LatexChoices(acknowledgements=True))
        == "a\n\n## Acknowledgements\n\nb"
    )
    assert text_of("a", "\\title[s]{On \\emph{Mills}\\thanks{us}}\\author{Me}") == "# On Mills\n\na"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a % b\nc", "a c"),
        ("a\n% b\nc", "a\nc"),
        ("a\n\n% b\n\nc", "a\n\n\nc"),
        ("50\\% of \\\\% x\ny", "50\\% of \\\\y"),
        ("a%\n\nb", "a\n\nb"),
        ("a\\begin{comment}b\\end{comment}c", "ac"),
        ("a\\iffalse b \\ifx c \\fi d \\else e \\fi f", "a e  f"),
        ("\\newif\\ifdraft \\draftfalse \\ifdraft a\\else b\\fi", " \\draftfalse  b"),
        ("\\newif\\ifdraft\\drafttrue\\ifdraft a\\else b\\fi", "\\drafttrue a"),
        ("a \\iff b", "a \\iff b"),
        ("\\iftrue a\\fi b", "a b"),
        ("\\fi a", " a"),
        ("\\ifx\\iffalse a \\ifnum\\else b\\fi \\else c \\fi d \\else e\\fi", "\\ifx c d e"),
        (
            "\\begin{verbatim} % a\n\\begin{alltt} % b\n\\end{alltt}",
            "\\begin{verbatim} \\begin{alltt} % b \\end{alltt}",
        ),
    ],
)
def test_comments(text: str, clean: str) -> None:
    assert " ".join(without_comments(text, Counter()).split()) == " ".join(clean.split())


@pytest.mark.parametrize(
    ("definitions", "use", "expanded"),
    [
        ("\\newcommand{\\R}{\\mathbb{R}}", "$x\\in\\R$", "$x\\in\\mathbb{R}$"),
        ("\\newcommand\\two[2]{#2-#1}", "\\two{a}{b}", "b-a"),
        ("\\newcommand{\\opt}[2][x]{#1#2}", "\\opt{a} \\opt[y]{a}", "xa ya"),
        ("\\def\\e#1{<#1>}", "\\e{a}\\e b", "<a><b>"),
        ("\\DeclareMathOperator{\\argmax}{arg\\,max}", "\\argmax x", "\\operatorname{arg\\,max}x"),
        ("\\let\\old\\alpha", "\\old", "\\alpha"),
        ("\\newcommand{\\a}{\\b}\\newcommand{\\b}{c}", "\\a d", "cd"),
        ("\\newcommand{\\emcee}{\\textsf{emcee}}", "\\emcee\\ is", "\\textsf{emcee}\\ is"),
        ("\\def\\x(#1){#1}", "\\x(a)", "\\x(a)"),  # delimited: not what this expands
        ("\\renewcommand{\\section}{bad}", "\\section{A}", "\\section{A}"),
        ("\\newcommand{\\self}{\\self}", "\\self", "\\self"),
    ],
)
def test_macros(definitions: str, use: str, expanded: str) -> None:
    macros = Macros()
    assert macros.read(definitions).strip() == ""
    assert macros.expand(use) == expanded


def test_files_are_joined() -> None:
    files = {"sec__one_tex": "One \\input{two}.", "sec__two_tex": "two", "mine_sty": "\\newcommand{\\me}{Mill}"}
    assert text_of("\\input{sec/one} \\include{sec/two} \\me", "\\usepackage{mine}", **files) == "One two. two Mill"
    assert text_of("\\import{sec/}{one}", **files) == "One two."
    sub = START + "\\begin{document}Sub.\\end{document}"
    assert text_of("a \\subfile{sub}", sub_tex=sub) == "a Sub."


def test_files_that_read_themselves_and_files_that_are_not_there() -> None:
    assert text_of("a \\input{x}", x_tex="b \\input{y}", y_tex="c \\input{x}") == "a b c"
    for name in ("/etc/passwd", "../../etc/passwd", "|cat /etc/passwd", "missing"):
        paper = paper_of({"main.tex": f"{START}\\begin{{document}}a \\input{{{name}}}\\end{{document}}".encode()})
        assert paper.text == "a"
        assert name in str(paper.damage)


def test_which_file_is_the_main_one() -> None:
    whole = f"{START}\\begin{{document}}%s\\end{{document}}"
    files = {"a.tex": (whole % "a").encode(), "main.tex": (whole % "main").encode(), "standalone.tex": START.encode()}
    assert paper_of(files).text == "main"
    said = {**files, "00README.txt": b"a.tex toplevelfile\n"}
    assert paper_of(said).text == "a"
    assert (
        paper_of({"x.tex": "\\documentstyle{article}\\begin{document}old \xe9\\end{document}".encode("latin-1")}).text
        == "old é"
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.tex": b"\\magnification 1200 Hello \\bye"}, "plain_tex"),
        ({"a.tex": b"\\input amstex\n\\documentation"}, "plain_tex"),
        ({"a.txt": b"withdrawn by the author"}, "no_tex"),
        ({"a.png": b"\x89PNG", "b.tex": b"just words"}, "no_tex"),
        ({"a.tex": (START + "\\begin{document}\\end{document}").encode()}, "no_text"),
    ],
)
def test_what_is_no_paper_says_why(files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(PaperError) as raised:
        paper_of(files)
    assert raised.value.reason == reason


def packed(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_every_way_a_source_is_packed() -> None:
    files = {"a.tex": b"x", "fig.png": b"\x89PNG", "b/c.sty": b"y"}
    kept = {"a.tex": b"x", "b/c.sty": b"y"}
    assert files_of(packed(files), 1000) == (kept, None)
    assert files_of(gzip.compress(packed(files)), 1000) == (kept, None)
    assert files_of(gzip.compress(b"\\documentclass"), 1000) == ({"paper.tex": b"\\documentclass"}, None)
    assert files_of(b"\\documentclass", 1000) == ({"paper.tex": b"\\documentclass"}, None)
    cut, damage = files_of(gzip.compress(packed({f"{n}.tex": bytes(range(256)) * 9 for n in range(50)}))[:-30], 1 << 20)
    assert len(cut) > 10
    assert damage
    assert files_of(packed({"../evil.tex": b"x", "ok.tex": b"y"}), 1000) == ({"ok.tex": b"y"}, None)
    for raw, reason in (
        (b"%PDF-1.4", "pdf_only"),
        (gzip.compress(b"%PDF-1.4"), "pdf_only"),
        (gzip.compress(bytes(10 << 20)), "too_large"),
        (packed({"a.tex": bytes(5000)}), "too_large"),
    ):
        with pytest.raises(PaperError) as raised:
            files_of(raw, 4000)
        assert raised.value.reason == reason


LAUGHS = "".join(
    "\\newcommand{\\l" + chr(97 + n) + "}{" + ("\\l" + chr(96 + n) + " ") * 10 * bool(n) + "ha}" for n in range(20)
)


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS + "\\lt",
        "\\newcommand{\\a}{\\b}\\newcommand{\\b}{\\a}\\a",
        "$" * 100_001,
        "\\iffalse " * 50_000,
        "\\input{main}" * 20_000,
    ],
)
def test_papers_that_grow_without_end_do_not(body: str) -> None:
    assert len(text_of(f"a {body}\n\nb")) < 40 << 20


NAMES = [f"q{a}{b}{c}" for a in "abcdefghij" for b in map(chr, range(97, 123)) for c in map(chr, range(97, 123))]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{" * 500_000, ""),
        ("%" * 500_000, None),
        ("\\\\" * 100_000, None),
        ("[" * 500_000, "[" * 500_000),
        (" " * 500_000 + "c", "c"),
        ("\n " * 200_000 + "c", "c"),
        ("\\ifx " * 100_000, ""),
        ("\\input{" + " " * 200_000 + "{", ""),
        ("\\input" + "\n" * 300_000 + "{", ""),
        ("\\\\[" + " " * 300_000 + "9", None),
        ("\\let\\x" + "\n" * 300_000, ""),
        ("\\begin{a}" * 20_000, ""),
        ("".join(f"\\begin{{{name}}}" for name in NAMES), ""),
        ("".join(f"\\end{{{name}}}" for name in NAMES) + "".join(f"\\begin{{{name}}}" for name in NAMES), ""),
        ("\\begin{a}" + "[]" * 100_000 + "c\\end{a}", "c"),
        ("\\begin{figure}" + "\\begin{tabular}" * 15_000 + "\\end{figure}c", "c"),
        ("\\begin{itemize}\\item " * 2000, ""),
        ("\\begin{verbatim}" * 20_000, ""),
        ("\\emph{" * 10_000 + "c", "c"),
        ("\\url{" * 10_000 + "c", "c"),
        ("\\def\\x{" * 10_000 + "c", None),
        ("\\newcommand{\\x}[1]{#1}" + "\\x{" * 10_000 + "c", "c"),
        ("\\'{" * 10_000 + "c", None),
        ("\\cite[" * 5000, None),
        ("\\footnote{" * 3000 + "x" + "}" * 3000, None),
        ("\\begin{quote}" * 300 + "x" + "\\end{quote}" * 300, None),
    ],
)
def test_hostile_papers_cost_what_others_of_their_length_do(body: str, text: str | None) -> None:
    """Most of them took minutes or hours with expressions that went back, or with a search from each place to the end."""
    found = text_of(f"a\n\n{body}\n\nb")
    assert found.startswith("a")
    if text is not None:
        assert found.removesuffix("b").removeprefix("a").strip() == text


def test_preambles_and_notes_of_hostile_papers() -> None:
    assert text_of("a", "\\usepackage" + " " * 300_000 + "x") == "a"
    whole = f"{START}\\begin{{document}}%s\\end{{document}}"
    files = {"main.tex": (whole % "a").encode(), "00README": b"\n" * 300_000 + b" main.tex toplevelfile"}
    assert paper_of(files).text == "a"
    assert text_of("a \\input{b}", b_tex="\\begin{document}" * 50_000) == "a"


def test_groups_are_found_in_long_texts_as_in_short_ones() -> None:
    texts = [
        "{a{b}\\}c}{",
        "\\\\{x}",
        "{\\{}",
        "}{a}",
        "{" + "a" * (MAX_ARGUMENT - 2) + "}",
        "{" + "a" * MAX_ARGUMENT + "}",
    ]
    for text in texts:
        for before in ("", "~" * 1000):
            ends = [group_end(before + text, len(before) + at) for at in range(len(text))]
            assert [end and end - len(before) for end in ends if end] == [
                end for at in range(len(text)) if (end := group_end_plainly(text, at))
            ]


def group_end_plainly(text: str, start: int) -> int | None:
    """Character by character."""
    depth, at = 0, start
    while at < min(len(text), start + MAX_ARGUMENT) and text[start] == "{":
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return at + 1
        at += 2 if text[at] == "\\" else 1
    return None

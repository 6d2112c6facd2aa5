"""Texts for the word rules: hypothesis strategies that mix ordinary words with everything the rules treat apart."""

from hypothesis import strategies as st

_PIECES = """
Don't can't y'all we'll they'd've I'm cannot gonna Mr. Mrs. U.S. p.m. a.m. e.g. i.e. Jan. etc. Co. vs. o'clock 'em
'Cause ma'am 10am 8:30pm 10km 5kg. 100% 3.5m 20°C. 30°f. km/h m² $5 US$10 5€ £3.50 C$4 +5 5+ 3+4 2*3 1-2 x^2 e-mail
well-known state-of-the-art a--b --- -- – — ... .. …… … :) :-( ;D =D <3 </3 ^_^ o.O ಠ_ಠ (^_^) ¯\\(ツ)/¯ :)) :'( xD
http://example.com/path?q=1#top https://user:pw@host.co.uk:8080/x www.site.org ftp://1.2.3.4/a mailto:me@example.com
me@example.com 10.0.0.1 127.0.0.1 192.168.0.1 172.16.9.9 172.32.0.1 8.8.8.8:53 256.1.1.1 223.255.255.254 1.1.1.0
foo.py file.tar.gz end.Start end.start word,word word, "quoted" 'single' ‘curly’ “double” «guillemets» „low“ `tick`
(paren) [bracket] {brace} <tag> #tag @user & * _under_ snake_case C++ C# .NET a/b and/or key=value a<b 12,345.67
1,000 3.14 ½ ² № ™ © ° → ★ 😀 👍🏽 👨‍👩‍👧 🇩🇪🇫🇷 naïve café e\u0301a Привет. мир здравствуй, 日本語 。 「引用」 한국어
שלום ש"ס العربية؟ हिन्दी। ไทย \u200d \ufeff \u00ad a\u00b8 Ünïcödé ''s 's 'S ’s n't ' '' . , ; : ! ? ?! ... x-a.
b. A.B. A.B.C
""".split()  # noqa: SIM905
_BREAKS = [" ", "  ", "\n", "\n\n", "\t", " \n", "\r\n", "\x0b", "\x85", "\u2028", "\xa0", "\u3000", "\x1c", "", ""]
_SIGNS = "'’\"().,:;-–—_/\\<>=@#$%&*+^~!?[]{}°…0123456789abcdmkspxDOPUSsTtGM€²ä۔。\u0301\u200d\x00 \n"

_pieces = st.sampled_from(_PIECES)
_mixed = st.lists(st.tuples(_pieces, st.sampled_from(_BREAKS)), max_size=12)
_glued = st.lists(st.one_of(_pieces, st.text(_SIGNS, max_size=4)), max_size=6).map("".join)
texts = st.one_of(
    _mixed.map(lambda pairs: "".join(piece + gap for piece, gap in pairs)),
    _glued,
    st.lists(_glued, max_size=4).map(" ".join),
    st.text(_SIGNS, max_size=20),
    st.text(max_size=30),
)
batches = st.lists(st.one_of(st.none(), texts), max_size=4)


def pieces(text: str | None, spans: tuple, row: int) -> list[str]:
    """The words of one row as strings."""
    starts, ends, offsets = spans
    low, high = offsets[row], offsets[row + 1]
    return [(text or "")[s:e] for s, e in zip(starts[low:high], ends[low:high], strict=True)]

"""The language of code, as programs that colour code name it."""

import pytest
from gristmill.filters.html.fragment import fragment_markdown


@pytest.mark.parametrize(
    ("page", "language"),
    [
        ("<pre><code class='language-c++ x'>x</code></pre>", "c++"),
        ("<pre class='brush: sql; title'>x</pre>", "sql"),
        ("<pre class='sourceCode haskell'>x</pre>", "haskell"),
        ("<pre class='prettyprint lang-js'>x</pre>", "js"),
        ("<pre class='lang:php decode:true'>x</pre>", "php"),
        ("<div class='highlight highlight-source-rust'><pre>x</pre></div>", "rust"),
        ("<div class='language-brainfuck'><pre>x</pre></div>", "brainfuck"),  # next to code any name is one
        ("<div class='language-brainfuck'><div><div><pre>x</pre></div></div></div>", ""),
        # Rouge, with and without its table
        (
            "<div class='language-python highlighter-rouge'><div class=highlight><pre class=highlight><code><table><tr><td>"
            "<pre>1</pre><td><pre>x</pre></table></code></pre></div></div>",
            "python",
        ),
        ("<div class='highlight-python notranslate'><div class=highlight><pre>x</pre></div></div>", "python"),  # Sphinx
        ("<div class='highlight-default notranslate'><div class=highlight><pre>x</pre></div></div>", ""),
        ("<figure class='highlight Java'><table><tr><td class=code><pre>x</pre></table></figure>", "Java"),  # Hexo
        ("<pre><code class='hljs go'>x</code></pre>", "go"),
        ("<pre class=chroma><code data-lang=go>x</code></pre>", "go"),
        ("<pre class=shiki data-language=ts><code>x</code></pre>", "ts"),
        ("<pre data-enlighter-language=python>x</pre>", "python"),
        ("<div class=org-src-container><pre class='src src-emacs-lisp'>x</pre></div>", "emacs-lisp"),
        ("<pre class=language-none>x</pre>", ""),
        ("<pre data-lang='a b'>x</pre>", ""),
        # what says something else
        ("<body class=lang-en><article class=language-fr><div><div><pre>x</pre></div></div></article></body>", ""),
        ("<div class='highlight wrapper'><pre>x</pre></div>", ""),
        ("<main class=java><pre>x</pre></main>", ""),
    ],
)
def test_language_of_code(page: str, language: str) -> None:
    assert fragment_markdown(page) == f"```{language}\nx\n```"

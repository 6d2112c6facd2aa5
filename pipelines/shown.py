"""Results that a notebook shows as they read in a terminal."""

from html import escape


class Shown:
    """`str(self)` in a notebook cell, escaped: it may quote text from documents."""

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre-wrap">{escape(str(self))}</pre>'

"""Soft hyphens (U+00AD): places where a line may break inside a word, which are not seen in it."""


def without_soft_hyphens(text: str) -> str:
    """A text whose words are whole again.

    >>> without_soft_hyphens("Donau\u00addampf\u00adschiff")
    'Donaudampfschiff'
    """
    return text.replace("\u00ad", "")

"""What cuts leave of a text, in plain Python."""

from collections.abc import Sequence
from itertools import groupby


def cut_plainly(text: str, goes: Sequence[bool]) -> str:
    """What is left of a text, a blank where two words would be joined."""
    left = ""
    for gone, group in groupby(range(len(text)), key=goes.__getitem__):
        places = list(group)
        if not gone:
            left += text[places[0] : places[-1] + 1]
            continue
        around = text[places[0] - 1 : places[0]] if places[0] else "", text[places[-1] + 1 : places[-1] + 2]
        joins = all(around) and not any(map(str.isspace, around)) and any(text[place].isspace() for place in places)
        left += " " if joins else ""
    return left

"""Elements of a formula, whichever parser read them."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Node:
    """An element of MathML: its name without prefix, its attributes, and what is in it: elements and texts."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list["Node | str"] = field(default_factory=list)

    @property
    def children(self) -> list["Node"]:
        """The elements in it."""
        return [one for one in self.inside if isinstance(one, Node)]

    def attribute(self, name: str) -> str:
        """The value of an attribute in small letters, "" where there is none."""
        return self.attributes.get(name, "").strip().lower()


def text_of(node: Node) -> str:
    """All text in an element; without recursion, for formulas may be nested as deep as their page is long."""
    out: list[str] = []
    waiting: list[Node | str] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            out.append(one)
        else:
            waiting.extend(reversed(one.inside))
    return "".join(out)


def depth_of(node: Node) -> int:
    """How many elements lie within each other at most, the given one counted."""
    level, depth = [node], 0
    while level:
        depth += 1
        level = [child for one in level for child in one.children]
    return depth

"""Formulas of articles, as lxml read them, for what writes them as LaTeX."""

from gristmill.filters.formulas.nodes import Node
from gristmill.filters.safe_xml import local_name
from lxml import etree


def node_of(element: etree._Element) -> Node:
    """A `math` element and all in it; comments are left out."""
    root = Node("math")
    open_nodes = [root]
    for event, one in etree.iterwalk(element, events=("start", "end", "comment")):
        if event == "start":
            node = Node(local_name(one), {str(key).rpartition("}")[2]: str(value) for key, value in one.attrib.items()})
            node.inside.extend([one.text] if one.text else [])
            open_nodes[-1].inside.append(node)
            open_nodes.append(node)
        elif event == "end":
            open_nodes.pop()
        if event != "start" and one is not element and one.tail:
            open_nodes[-1].inside.append(one.tail)
    return root.children[0]

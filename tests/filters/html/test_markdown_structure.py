"""Markdown of nested lists and quotes means what the page means: read by a CommonMark parser it has the same structure."""

from typing import Any

import numpy as np
from gristmill.filters.html.markdown import to_markdown
from gristmill.filters.html.page import read_page
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

# A node is a word, or a list ("ul", "ol" with its first number) of items, or a quote, of nodes.
Node = Any

words = st.sampled_from(["a", "7. b", "- c", "#", "d e", "***", "1)", "==="])
paragraphs = st.tuples(st.just("p"), words)


def containers(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    # an item begins with a text of its own: one that only holds another list is shown as that list
    item = st.tuples(paragraphs, st.lists(inner, max_size=2)).map(lambda parts: [parts[0], *parts[1]])
    lists = st.tuples(st.sampled_from(["ul", "ol"]), st.integers(0, 12), st.lists(item, min_size=1, max_size=3))
    quotes = st.tuples(st.just("blockquote"), st.lists(inner, min_size=1, max_size=3))
    return lists | quotes


nodes = st.lists(st.recursive(paragraphs, containers, max_leaves=12), max_size=4)


def html_of(node: Node) -> str:
    kind = node[0]
    if kind == "p":
        return f"<p>{node[1]}</p>"
    if kind == "blockquote":
        return "<blockquote>" + "".join(map(html_of, node[1])) + "</blockquote>"
    items = "".join("<li>" + "".join(map(html_of, item)) for item in node[2])
    start = f" start={node[1]}" if kind == "ol" else ""
    return f"<{kind}{start}>{items}</{kind}>"


def expected(siblings: list[Node]) -> list[Node]:
    """What a Markdown parser should find: neighbouring lists of a kind are one list there, whatever their numbers."""
    found: list[Node] = []
    for node in siblings:
        if node[0] == "p":
            found.append(("p", node[1]))
        elif node[0] == "blockquote":
            found.append(("blockquote", expected(node[1])))
        else:
            items = [expected(item) for item in node[2]]
            if found and found[-1][0] == node[0]:
                found[-1] = (*found[-1][:2], found[-1][2] + items)
            else:
                found.append((node[0], node[1] if node[0] == "ol" else None, items))
    return found


def parsed(text: str) -> list[Node]:
    names = {"bullet_list": "ul", "ordered_list": "ol", "blockquote": "blockquote", "list_item": "li"}
    stack: list[tuple[str, Any, list[Node]]] = [("root", None, [])]
    for token in MarkdownIt("commonmark").parse(text):
        name = names.get(token.type.rpartition("_")[0])
        if name and token.nesting == 1:
            start = int(token.attrs.get("start", 1)) if name == "ol" else None
            stack.append((name, start, []))
        elif name:
            kind, start, inner = stack.pop()
            made = inner if kind == "li" else (kind, inner) if kind == "blockquote" else (kind, start, inner)
            stack[-1][2].append(made)
        elif token.type == "inline":
            stack[-1][2].append(("p", "".join(child.content for child in token.children or ())))
        else:
            assert token.type in ("paragraph_open", "paragraph_close"), token.type
    return stack[0][2]


@given(nodes)
@example([("ol", 1, [[("p", "a"), ("ol", 5, [[("p", "b")]])]])])
@example([("ol", 9, [[("p", "a")], [("p", "b"), ("ul", 0, [[("p", "c"), ("blockquote", [("p", "d e")])]])]])])
@example([("blockquote", [("ul", 0, [[("p", "a"), ("blockquote", [("p", "7. b")])]])]), ("blockquote", [("p", "a")])])
def test_nested_lists_and_quotes_are_read_back(siblings: list[Node]) -> None:
    page = read_page("".join(map(html_of, siblings)).encode())
    text = to_markdown(page, np.ones(len(page.blocks), bool))
    assert parsed(text) == expected(siblings), text

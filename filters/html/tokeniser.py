# mypy: disallow-untyped-defs=False
"""The tokeniser of the HTML standard as a kernel over UTF-8 bytes: one token after the other, nothing stored.

Source: HTML Living Standard, 13.2.5. Tokens are ranges of the bytes; what they mean (character references, NUL, line
ends, lower case) is worked out by `put_text` where somebody reads it. Attributes are read one by one by
`next_attribute`, also in tags with millions of them, and handed out with the token as far as its table of them goes; of
two with one name the first counts, which is the reader's to see to. A document is read in linear time whatever is in it.

What the standard leaves to the tree builder is the caller's: which state a start tag leads to (`state_after`).
"""

import numpy as np
from gristmill.filters.html.references import is_letter, put_reference
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.vectors import find_byte, find_either

# States in which a document can be read on.
DATA, RCDATA, RAWTEXT, SCRIPT, PLAINTEXT, CDATA = range(6)

# Kinds of tokens. TEXT holds references, PLAIN does not.
END, TEXT, PLAIN, START_TAG, END_TAG, COMMENT, DOCTYPE = range(7)

# Columns of a token: its kind; where it begins; its text, or the name of a tag or doctype; the attributes of a tag, or
# the public identifier of a doctype; the system identifier; flags; where the next token begins; how many attributes a tag
# has. -1, -1: missing.
KIND, BEGIN, NAME, NAME_END, REST, REST_END, SYSTEM, SYSTEM_END, FLAGS, NEXT, ATTRIBUTES = range(11)
TOKEN_COLUMNS = 11
SELF_CLOSING, FORCE_QUIRKS, NUL_STAYS = 1, 2, 4

# Columns of an attribute; a value without quotes or of no length has VALUE == VALUE_END.
ATTRIBUTE, ATTRIBUTE_END, VALUE, VALUE_END, NEXT_ATTRIBUTE = range(5)
ATTRIBUTE_COLUMNS = 5


@inlined
def is_space(byte):
    return byte == 0x20 or byte == 0x0A or byte == 0x09 or byte == 0x0D or byte == 0x0C


@inlined
def _ends_name(byte):
    return byte == 0x3E or byte == 0x2F or is_space(byte)


@inlined
def same_letters(data, start, end, name):
    """Whether data[start:end] is `name` (lower-case ASCII bytes) in any case."""
    if end - start != len(name):
        return False
    for k in range(len(name)):
        byte = data[start + k]
        if byte >= 0x41 and byte <= 0x5A:
            byte |= 0x20
        if byte != name[k]:
            return False
    return True


@helper
def _starts_with(data, start, end, name):
    return start + len(name) <= end and same_letters(data, start, start + len(name), name)


@inlined
def next_attribute(data, i, end, attribute):
    """Read the attribute at or behind data[i] up to `end`, where the document or the tag ends; False when there is none:
    data[attribute[NEXT_ATTRIBUTE]] is the `>` of the tag then, or behind its end."""
    while i < end and (is_space(data[i]) or data[i] == 0x2F):
        i += 1
    if i >= end or data[i] == 0x3E:
        attribute[NEXT_ATTRIBUTE] = i
        return False
    attribute[ATTRIBUTE] = i
    i += 1  # the first character belongs to the name even if it is "="
    while i < end and not (data[i] == 0x3D or _ends_name(data[i])):
        i += 1
    attribute[ATTRIBUTE_END] = i
    while i < end and is_space(data[i]):
        i += 1
    if i >= end or data[i] != 0x3D:
        attribute[VALUE] = attribute[VALUE_END] = attribute[NEXT_ATTRIBUTE] = i
        return True
    i += 1
    while i < end and is_space(data[i]):
        i += 1
    if i < end and (data[i] == 0x22 or data[i] == 0x27):
        close = find_byte(data, i + 1, end, data[i])
        attribute[VALUE], attribute[VALUE_END] = i + 1, close
        attribute[NEXT_ATTRIBUTE] = close + 1
        return True
    attribute[VALUE] = i
    while i < end and not (is_space(data[i]) or data[i] == 0x3E):
        i += 1
    attribute[VALUE_END] = attribute[NEXT_ATTRIBUTE] = i
    return True


@inlined
def _read_attributes(data, i, end, token, attributes):
    """Read the attributes of the tag whose name ends at i; returns the position of its `>`, -1 where the document ends
    before. attributes: int64 (any number, ATTRIBUTE_COLUMNS); those behind the last row are read again by the reader."""
    count, last = 0, len(attributes) - 1
    while next_attribute(data, i, end, attributes[min(count, last)]):
        i = attributes[min(count, last), NEXT_ATTRIBUTE]
        count += 1
    close = attributes[min(count, last), NEXT_ATTRIBUTE]
    if close >= end:
        return np.int64(-1)
    # a slash that no value took in
    token[FLAGS] = SELF_CLOSING if close > i and data[close - 1] == 0x2F else 0
    token[ATTRIBUTES] = count
    return np.int64(close)


@inlined
def _read_tag(data, name, end, kind, token, attributes):
    """Read the tag whose name begins at `name`; at the end of the document it is dropped, as the standard says."""
    i = name
    while i < end and not _ends_name(data[i]):
        i += 1
    close = _read_attributes(data, i, end, token, attributes)
    if close < 0:
        token[KIND], token[NEXT] = END, end
        return
    token[KIND], token[NAME], token[NAME_END] = kind, name, i
    token[REST], token[REST_END] = i, close
    token[NEXT] = close + 1


@helper
def _read_comment(data, i, end, token):
    """Read the comment whose text begins at i, behind `<!--`."""
    token[KIND], token[NAME] = COMMENT, i
    if i < end and data[i] == 0x3E:
        token[NAME_END], token[NEXT] = i, i + 1
        return
    if i + 1 < end and data[i] == 0x2D and data[i + 1] == 0x3E:
        token[NAME_END], token[NEXT] = i, i + 2
        return
    k = i
    while k < end:
        k = find_byte(data, k, end, 0x2D)
        dashes = k
        while k < end and data[k] == 0x2D:
            k += 1
        if k - dashes < 2:
            continue
        if k < end and data[k] == 0x3E:
            token[NAME_END], token[NEXT] = k - 2, k + 1
            return
        if k + 1 < end and data[k] == 0x21 and data[k + 1] == 0x3E:
            token[NAME_END], token[NEXT] = k - 2, k + 2
            return
        if k + 1 == end and data[k] == 0x21:
            token[NAME_END], token[NEXT] = k - 2, end
            return
    pending = np.int64(0)  # dashes at the end belong to an end that never came
    while pending < 2 and end - pending > i and data[end - pending - 1] == 0x2D:
        pending += 1
    token[NAME_END], token[NEXT] = end - pending, end


@helper
def _read_bogus_comment(data, i, end, token):
    """Read the comment that begins at i and ends before the next `>`."""
    token[KIND], token[NAME] = COMMENT, i
    i = find_byte(data, i, end, 0x3E)
    token[NAME_END], token[NEXT] = i, min(i + 1, end)


_PUBLIC = np.frombuffer(b"public", np.uint8)
_SYSTEM = np.frombuffer(b"system", np.uint8)
_DOCTYPE = np.frombuffer(b"doctype", np.uint8)
_SCRIPT = np.frombuffer(b"script", np.uint8)


@helper
def _skip_spaces(data, i, end):
    while i < end and is_space(data[i]):
        i += 1
    return i


@helper
def _read_identifier(data, i, end, token, column):
    """Read a quoted identifier whose quote is at i into a pair of columns; returns the position behind it.

    Where it is not closed by its quote: the position of the `>`, or `end`, and quirks are forced.
    """
    quote = data[i]
    i += 1
    token[column] = i
    while i < end and data[i] != quote and data[i] != 0x3E:
        i += 1
    token[column + 1] = i
    if i < end and data[i] == quote:
        return i + 1
    token[FLAGS] |= FORCE_QUIRKS
    return i


@helper
def _finish_doctype(data, i, end, token):
    """Leave out everything up to the `>`; quirks are forced where the document ends just here."""
    if i >= end:
        token[FLAGS] |= FORCE_QUIRKS
    while i < end and data[i] != 0x3E:
        i += 1
    token[NEXT] = min(i + 1, end)


@helper
def _read_doctype(data, i, end, token):
    """Read the doctype behind `<!doctype`."""
    token[KIND], token[FLAGS] = DOCTYPE, 0
    token[NAME] = token[NAME_END] = token[REST] = token[REST_END] = token[SYSTEM] = token[SYSTEM_END] = -1
    i = _skip_spaces(data, i, end)
    if i >= end or data[i] == 0x3E:
        token[FLAGS] |= FORCE_QUIRKS
        token[NEXT] = min(i + 1, end)
        return
    token[NAME] = i
    while i < end and data[i] != 0x3E and not is_space(data[i]):
        i += 1
    token[NAME_END] = i
    i = _skip_spaces(data, i, end)
    if i >= end or data[i] == 0x3E:
        _finish_doctype(data, i, end, token)
        return
    if _starts_with(data, i, end, _PUBLIC):
        i = _skip_spaces(data, i + 6, end)
        if i >= end or not (data[i] == 0x22 or data[i] == 0x27):
            token[FLAGS] |= FORCE_QUIRKS
            _finish_doctype(data, i, end, token)
            return
        i = _read_identifier(data, i, end, token, REST)
        if token[FLAGS] & FORCE_QUIRKS:
            token[NEXT] = min(i + 1, end)
            return
        i = _skip_spaces(data, i, end)
        if i < end and (data[i] == 0x22 or data[i] == 0x27):
            _read_system(data, i, end, token)
        else:
            if i < end and data[i] != 0x3E:
                token[FLAGS] |= FORCE_QUIRKS
            _finish_doctype(data, i, end, token)
        return
    if _starts_with(data, i, end, _SYSTEM):
        i = _skip_spaces(data, i + 6, end)
        if i < end and (data[i] == 0x22 or data[i] == 0x27):
            _read_system(data, i, end, token)
            return
    token[FLAGS] |= FORCE_QUIRKS
    _finish_doctype(data, i, end, token)


@helper
def _read_system(data, i, end, token):
    """Read the system identifier whose quote is at i; what follows it forces no quirks."""
    i = _read_identifier(data, i, end, token, SYSTEM)
    if token[FLAGS] & FORCE_QUIRKS:
        token[NEXT] = min(i + 1, end)
        return
    _finish_doctype(data, _skip_spaces(data, i, end), end, token)


@helper
def _closes(data, i, end, name, name_end):
    """Whether `</` at i begins an end tag of the name data[name:name_end] (in any case)."""
    length = name_end - name
    behind = i + 2 + length
    if length == 0 or behind >= end or not _ends_name(data[behind]):
        return False
    for k in range(length):
        one, other = data[i + 2 + k], data[name + k]
        if one >= 0x41 and one <= 0x5A:
            one |= 0x20
        if other >= 0x41 and other <= 0x5A:
            other |= 0x20
        if one != other:
            return False
    return True


@helper
def _script_text_end(data, i, end, name, name_end):
    """Where the text of a script that begins at i ends: at its end tag, outside what `<!--` and `<script` escape."""
    escaped, doubly, dashes = False, False, 0
    while i < end:
        if not escaped:  # dashes end what is escaped, no more
            i, dashes = find_byte(data, i, end, 0x3C), 0
        elif dashes == 0:
            i = find_either(data, i, end, 0x3C, 0x2D)
        if i >= end:
            break
        byte = data[i]
        if byte == 0x2D:
            dashes += 1
            i += 1
            continue
        if byte == 0x3E and dashes >= 2:
            escaped = doubly = False
        elif byte == 0x3C:
            if not doubly and i + 1 < end and data[i + 1] == 0x2F and _closes(data, i, end, name, name_end):
                return i
            if not escaped:
                if i + 3 < end and data[i + 1] == 0x21 and data[i + 2] == 0x2D and data[i + 3] == 0x2D:
                    escaped, dashes = True, 2
                    i += 4
                    continue
            else:
                at = i + (2 if doubly else 1)
                slash = not doubly or (i + 1 < end and data[i + 1] == 0x2F)
                if slash and _starts_with(data, at, end, _SCRIPT) and at + 6 < end and _ends_name(data[at + 6]):
                    doubly = not doubly
                    i = at + 6  # what ends the name is looked at again: it may be the `>` of nothing
                    dashes = 0
                    if data[i] == 0x3E:
                        i += 1
                    continue
        dashes = 0
        i += 1
    return end


@helper
def _raw_text_end(data, i, end, name, name_end):
    """Where raw or escapable raw text that begins at i ends."""
    while True:
        i = find_byte(data, i, end, 0x3C)
        if i >= end:
            return end
        if i + 1 < end and data[i + 1] == 0x2F and _closes(data, i, end, name, name_end):
            return i
        i += 1


@helper
def _cdata_end(data, i, end):
    while True:
        i = find_byte(data, i, end, 0x5D)
        if i >= end:
            return end
        if i + 2 < end and data[i + 1] == 0x5D and data[i + 2] == 0x3E:
            return i
        i += 1


@inlined
def next_token(data, i, end, state, name, name_end, token, attributes):
    """Read the token at data[i] into `token` (int64, TOKEN_COLUMNS), the attributes of a tag into `attributes` (int64, some
    rows of ATTRIBUTE_COLUMNS); returns the state to go on in.

    name, name_end: of the last start tag, which ends raw text. token[KIND] is END at the end of the document, and where
    a tag was cut off by it.
    """
    token[BEGIN] = i
    token[FLAGS] = 0
    if i >= end:
        token[KIND], token[NEXT] = END, end
        return state
    if state != DATA:
        if state == PLAINTEXT:
            stop = end
        elif state == CDATA:
            stop = _cdata_end(data, i, end)
            token[FLAGS] = NUL_STAYS
        elif state == SCRIPT:
            stop = _script_text_end(data, i, end, name, name_end)
        else:
            stop = _raw_text_end(data, i, end, name, name_end)
        if stop > i:
            token[KIND], token[NAME], token[NAME_END], token[NEXT] = TEXT if state == RCDATA else PLAIN, i, stop, stop
            return state
        if state == CDATA:
            token[KIND], token[NAME], token[NAME_END], token[NEXT] = PLAIN, i, i, i + 3
            return DATA
        _read_tag(data, i + 2, end, END_TAG, token, attributes)
        return DATA
    k = i
    while True:
        k = find_byte(data, k, end, 0x3C)
        if k >= end:
            break
        if k + 1 < end:
            following = data[k + 1]
            if is_letter(following) or following == 0x21 or following == 0x3F:
                break
            if following == 0x2F and k + 2 < end:
                break
        k += 1
    if k > i:
        token[KIND], token[NAME], token[NAME_END], token[NEXT] = TEXT, i, k, k
        token[FLAGS] = NUL_STAYS
        return DATA
    following = data[i + 1]
    if is_letter(following):
        _read_tag(data, i + 1, end, START_TAG, token, attributes)
    elif following == 0x2F:
        if is_letter(data[i + 2]):
            _read_tag(data, i + 2, end, END_TAG, token, attributes)
        elif data[i + 2] == 0x3E:
            token[KIND], token[NAME], token[NAME_END], token[NEXT] = TEXT, i, i, i + 3
        else:
            _read_bogus_comment(data, i + 2, end, token)
    elif following == 0x3F:
        _read_bogus_comment(data, i + 1, end, token)
    elif i + 3 < end and data[i + 2] == 0x2D and data[i + 3] == 0x2D:
        _read_comment(data, i + 4, end, token)
    elif _starts_with(data, i + 2, end, _DOCTYPE):
        _read_doctype(data, i + 9, end, token)
    else:
        _read_bogus_comment(data, i + 2, end, token)
    return DATA


@helper
def put_text(data, i, end, has_references, in_attribute, nul_stays, lower, table, out, at):
    """Write what data[i:end] means to `out` as UTF-8; returns the new end of `out`.

    Line ends become line feeds, NUL becomes U+FFFD unless it stays, capitals become small where `lower`. `out` needs
    three bytes for each one read.
    """
    while i < end:
        byte = data[i]
        if byte == 0x26 and has_references:
            i, at = put_reference(data, i, end, in_attribute, table, out, at)
            continue
        if byte == 0x0D:
            if not (i + 1 < end and data[i + 1] == 0x0A):
                out[at] = 0x0A
                at += 1
        elif byte == 0 and not nul_stays:
            out[at], out[at + 1], out[at + 2] = 0xEF, 0xBF, 0xBD
            at += 3
        else:
            out[at] = byte | 0x20 if lower and byte >= 0x41 and byte <= 0x5A else byte
            at += 1
        i += 1
    return at

# mypy: disallow-untyped-defs=False
"""spaCy's URL rule as a kernel: is the whole string a dotted address or a domain with its optional company?

The rule is a regular expression of one shape (`spacy_rules` checks that it still is) asked only "does it match", so it
is read as a language: scheme `[\\w+-.]{2,}://` or none; anything up to some `@` or nothing; host; port; path.
"""

import numpy as np
from gristmill.filters.text.unicode_tables import ALNUM, DECIMAL
from gristmill.kernels.compile import helper, kernel


@helper
def is_octet(cps, start, end, first, last, classes):
    """One part of the dotted address spaCy's URL rule accepts; the first and last part may not be 0 or padded."""
    length = end - start
    if length < 1 or length > 3:
        return False
    for i in range(start, end):
        if not classes[cps[i]] & DECIMAL:
            return False
    a = cps[start] - 48
    b = cps[start + 1] - 48 if length > 1 else 0
    c = cps[start + 2] - 48 if length > 2 else 0
    if length < 3:
        return 1 <= a <= 9 if first or last else True
    if a == 1:
        return True
    if a != 2:
        return False
    if first:
        return b == 0 or b == 1 or (b == 2 and 0 <= c <= 3)
    return 0 <= b <= 4 or (b == 5 and 0 <= c <= (4 if last else 5))


@helper
def is_private(cps, start, parts):
    """Whether the address whose part ends are in `parts` is of a private network, which the rule leaves out."""
    a = parts[0] - start
    b = parts[1] - parts[0] - 1
    one, two, three = cps[start], cps[start + 1] if a > 1 else 0, cps[start + 2] if a > 2 else 0
    at = parts[0] + 1
    if (a == 2 and one == 49 and two == 48) or (a == 3 and one == 49 and two == 50 and three == 55):
        return True
    if a != 3 or one != 49:
        return False
    if two == 54 and three == 57:
        return b == 3 and cps[at] == 50 and cps[at + 1] == 53 and cps[at + 2] == 52
    if two == 57 and three == 50:
        return b == 3 and cps[at] == 49 and cps[at + 1] == 54 and cps[at + 2] == 56
    if two == 55 and three == 50 and b == 2:
        tens, units = cps[at], cps[at + 1]
        return (tens == 49 and 54 <= units <= 57) or tens == 50 or (tens == 51 and 48 <= units <= 49)
    return False


@helper
def is_host_char(cp):
    return 48 <= cp <= 57 or 65 <= cp <= 90 or 97 <= cp <= 122 or 0xA1 <= cp <= 0xFFFF


@helper
def is_host(cps, start, end, rules, classes, parts):
    """Whether cps[start:end] is a dotted address or labels and a top-level domain; `parts` is scratch of 4."""
    label, dots = start, 0
    astral = False  # a top-level domain may hold code points past U+FFFF, a label may not
    for i in range(start, end + 1):
        if i < end and cps[i] != 46:
            if not (is_host_char(cps[i]) or cps[i] == 95 or cps[i] == 45 or cps[i] > 0xFFFF):
                return False
            astral = astral or cps[i] > 0xFFFF
            continue
        if i == label or (astral and i < end):
            return False
        if dots < 4:
            parts[dots] = i
        if i < end:
            if i - label > 64 or not is_host_char(cps[label]) or not is_host_char(cps[i - 1]):
                return False
            label = i + 1
            dots += 1
        elif dots and 2 <= i - label <= 63:
            letters = True
            for j in range(label, end):
                if not rules.member[rules.url_letters[0], rules.atom[cps[j]]]:
                    letters = False
                    break
            if letters:
                return True
    if dots != 3:
        return False
    begin = start
    for k in range(4):
        if not is_octet(cps, begin, parts[k], k == 0, k == 3, classes):
            return False
        begin = parts[k] + 1
    return not is_private(cps, start, parts)


@helper
def is_address(cps, start, end, rules, classes, parts):
    """Host, optional port, optional path, to the end of the string."""
    at = start
    while at < end and not (cps[at] == 58 or cps[at] == 47 or cps[at] == 63 or cps[at] == 35):
        if cps[at] < 161 and not (is_host_char(cps[at]) or 45 <= cps[at] <= 46 or cps[at] == 95):
            return False
        at += 1
    if not is_host(cps, start, at, rules, classes, parts):
        return False
    if at < end and cps[at] == 58:
        digits = 0
        at += 1
        while at < end and classes[cps[at]] & DECIMAL:
            digits += 1
            at += 1
        if digits < 2 or digits > 5:
            return False
    return at == end or cps[at] == 47 or cps[at] == 63 or cps[at] == 35


@kernel
def is_url(cps, start, end, rules, classes):
    """Whether spaCy's URL rule holds for the whole string: scheme and user are optional, host is not."""
    dotted = False
    for i in range(start + 1, end - 1):
        if cps[i] == 46:
            dotted = True
            break
    if not dotted:
        return False
    parts = np.empty(4, np.int64)
    if is_address(cps, start, end, rules, classes, parts):
        return True
    at = start
    while at < end and (classes[cps[at]] & ALNUM or cps[at] == 95 or cps[at] == 43 or 45 <= cps[at] <= 46):
        at += 1
    scheme = at - start >= 2 and at + 3 <= end and cps[at] == 58 and cps[at + 1] == 47 and cps[at + 2] == 47
    found = scheme and is_address(cps, at + 3, end, rules, classes, parts)
    at = start + 1
    while at < end and not found:
        found = cps[at] == 64 and is_address(cps, at + 1, end, rules, classes, parts)
        at += 1
    return found

# mypy: disallow-untyped-defs=False
"""English function words: articles, pronouns, prepositions, conjunctions, auxiliaries and their like.

Our own list, not that of any data set: RedPajama v2 reads a list of many languages that is under a licence of its own,
so a stop word fraction measured here is lower than the published one. Lower case; at most eight letters.
"""

import numpy as np
from gristmill.kernels.compile import inlined

ENGLISH = frozenset(
    """
    a an the this that these those such each every either neither both all any some none no not nor only own same other
    another i me my mine myself you your yours yourself he him his himself she her hers herself it its itself we us our
    ours they them their theirs who whom whose which what when where why how here there then than thus hence so too very
    just also even still yet again ever never always often now soon once am is are was were be been being do does did
    doing done have has had having will would shall should can could may might must ought of to in on at by for from
    with without within into onto upon over under above below up down out off about across after before behind beneath
    beside between beyond during except near since through till until toward towards against along among around as if
    because although though unless while whereas whether and but or much many more most few less least several enough
    one ones s t d ll m re ve
    """.split()  # noqa: SIM905
)


def ascii_key(word: str) -> int:
    """A word of at most eight ASCII letters as one integer."""
    key = 0
    for char in word:
        key = key << 8 | ord(char)
    return key


_SIZE = 1024
_MULTIPLIER = 0x9E3779B97F4A7C15


def _table() -> np.ndarray:
    """The keys of ENGLISH by open addressing; 0 is an empty place."""
    keys = np.zeros(_SIZE, np.uint64)
    for key in sorted(map(ascii_key, ENGLISH)):
        place = (key * _MULTIPLIER & (1 << 64) - 1) >> 54
        while keys[place]:
            place = (place + 1) % _SIZE
        keys[place] = key
    return keys


_KEYS = _table()


@inlined
def is_english_stop_word(key):
    """Whether a uint64 is the `ascii_key` of a word of ENGLISH."""
    place = np.int64((key * np.uint64(_MULTIPLIER)) >> np.uint64(54))
    while _KEYS[place] != 0:
        if _KEYS[place] == key:
            return True
        place = (place + 1) & (_SIZE - 1)
    return False

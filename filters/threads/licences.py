"""Under which licence a contribution to Stack Exchange stands, by the day it was made.

Source: stackoverflow.com/help/licensing: CC BY-SA 2.5 before 2011-04-08, 3.0 before 2018-05-02, 4.0 from then on. Newer
dumps say it themselves (ContentLicense).
"""

_SINCE = (("2018-05-02", "CC BY-SA 4.0"), ("2011-04-08", "CC BY-SA 3.0"), ("", "CC BY-SA 2.5"))


def licence_of(moment: str | None, said: str | None = None) -> str | None:
    """The licence of a contribution. moment: when it was made, ISO 8601; None: unknown. said: what the dump says."""
    if said:
        return said
    return next((name for since, name in _SINCE if moment >= since), None) if moment else None

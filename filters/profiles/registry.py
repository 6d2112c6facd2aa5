"""Every named profile; adding one is its own table of rules plus a line here."""

from functools import cache

from gristmill.schemas.lookup import load_registered
from gristmill.schemas.recipe.rules import Profile

PROFILES: dict[str, str] = {
    "c4@code": "gristmill.filters.heuristics.c4:C4_CODE",
    "c4@datatrove": "gristmill.filters.heuristics.c4:C4_DATATROVE",
    "c4@dolma": "gristmill.filters.heuristics.c4_dolma:C4_DOLMA",
    "c4@paper": "gristmill.filters.heuristics.c4:C4_PAPER",
    "fineweb": "gristmill.filters.heuristics.fineweb:FINEWEB",
    "fineweb_chain": "gristmill.filters.profiles.fineweb:FINEWEB_CHAIN",
    "gopher@datatrove": "gristmill.filters.profiles.gopher:GOPHER_DATATROVE",
    "gopher@dclm": "gristmill.filters.profiles.gopher:GOPHER_DCLM",
    "gopher@dolma": "gristmill.filters.profiles.gopher:GOPHER_DOLMA",
    "refinedweb@dclm": "gristmill.filters.heuristics.refinedweb:REFINEDWEB_DCLM",
    "url_blocklist": "gristmill.filters.url:URL_BLOCKLIST",
    "web-any": "gristmill.filters.profiles.web:WEB_ANY",
    "web-en": "gristmill.filters.profiles.web:WEB_EN",
}


@cache
def profile(name: str) -> Profile:
    """The profile registered under `name`; RecipeError with the known names when there is none."""
    found = load_registered(PROFILES, "profile", name)
    assert isinstance(found, Profile)
    return found

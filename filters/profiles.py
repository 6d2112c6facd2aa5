"""Every named profile; adding one is its own table of rules plus a line here."""

from functools import cache

from gristmill.schemas.lookup import load_registered
from gristmill.schemas.recipe.rules import Profile

PROFILES: dict[str, str] = {
    "articles": "gristmill.filters.jats.profile:ARTICLES",
    "books": "gristmill.filters.books.signals:BOOKS",
    "c4@code": "gristmill.filters.c4.lines:C4_CODE",
    "c4@datatrove": "gristmill.filters.c4.lines:C4_DATATROVE",
    "c4@dolma": "gristmill.filters.c4.dolma:C4_DOLMA",
    "c4@paper": "gristmill.filters.c4.lines:C4_PAPER",
    "code": "gristmill.filters.code.profile:CODE",
    "fineweb": "gristmill.filters.fineweb.quality:FINEWEB",
    "fineweb_chain": "gristmill.filters.fineweb.chain:FINEWEB_CHAIN",
    "gopher@datatrove": "gristmill.filters.gopher.profiles:GOPHER_DATATROVE",
    "gopher@dclm": "gristmill.filters.gopher.profiles:GOPHER_DCLM",
    "gopher@dolma": "gristmill.filters.gopher.profiles:GOPHER_DOLMA",
    "preference": "gristmill.filters.pairs.profile:PREFERENCE",
    "refinedweb@dclm": "gristmill.filters.refinedweb.signals:REFINEDWEB_DCLM",
    "rl": "gristmill.filters.prompts.profile:RL",
    "sft": "gristmill.filters.dialogue.profile:SFT",
    "threads": "gristmill.filters.threads.profile:THREADS",
    "url_blocklist": "gristmill.filters.url:URL_BLOCKLIST",
    "web-any": "gristmill.filters.web.profiles:WEB_ANY",
    "web-en": "gristmill.filters.web.profiles:WEB_EN",
    "wiki": "gristmill.filters.wiki.profile:WIKI",
}


@cache
def profile(name: str) -> Profile:
    """The profile registered under `name`; RecipeError with the known names when there is none."""
    found = load_registered(PROFILES, "profile", name)
    assert isinstance(found, Profile)
    return found

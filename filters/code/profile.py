"""The profile `code`: files of source code that were written by hand, under licences that allow their use."""

from gristmill.schemas.recipe.rules import Profile, Rule

_STARCODER = "Li et al. 2023 (StarCoder), section 3.3"
_STARCODER2 = "Lozhkov et al. 2024 (StarCoder2), section 3.1"
_STACK = "Kocetkov et al. 2022 (The Stack), section 3"

CODE = Profile(
    name="code",
    description="Files of source code as The Stack and StarCoder keep them: a known language, permissive licence, lines "
    "that people write, neither generated, minified, vendored nor data. No rule of web pages.",
    source="The Stack, StarCoder and StarCoder2 as each rule says",
    rules=(
        Rule(name="unknown_language", signal="code_language", keep="!= ''", if_null="drop", source=_STACK),
        Rule(
            name="no_licence",
            signal="code_licence_allowed",
            keep="== true",
            if_null="drop",
            source=f"{_STACK}; permissive licences",
        ),
        Rule(name="generated", signal="code_generated", keep="== false", source=_STARCODER2),
        Rule(name="minified", signal="code_minified", keep="== false", source="Linguist's Generated"),
        Rule(name="vendored", signal="code_vendored", keep="== false", source=f"{_STARCODER2}; Linguist's vendor.yml"),
        Rule(name="many_lines", signal="code_line_count", keep="<= 100000", source=_STARCODER2),
        Rule(name="long_line", signal="longest_code_line", keep="<= 1000", source=f"{_STARCODER}; {_STARCODER2}"),
        Rule(name="very_long_line", signal="longest_line", keep="<= 100000", source=_STARCODER2),
        Rule(name="long_lines", signal="mean_code_line_length", keep="<= 100", source=f"{_STARCODER}; {_STARCODER2}"),
        Rule(name="few_letters", signal="alphabetic_fraction", keep=">= 0.25", source=_STARCODER2),
        Rule(name="encoded_data", signal="encoded_fraction", keep="<= 0.5", source=_STARCODER2),
        Rule(name="long_encoded_run", signal="longest_encoded_run", keep="<= 1024", source=_STARCODER2),
        Rule(name="little_html_text", signal="html_shown_fraction", keep=">= 0.2", source=_STARCODER),
        Rule(name="short_html_text", signal="html_shown_characters", keep=">= 100", source=_STARCODER),
        Rule(name="short_data", signal="data_file_characters", keep=">= 50", source=_STARCODER),
        Rule(name="long_data", signal="data_file_characters", keep="<= 5000", source=_STARCODER),
        Rule(
            name="data",
            signal="code_language",
            keep="not in [CSV, TSV, JSON Lines, SVG, Text Data, Wavefront Object, PEM, Intel HEX, G-code, Gettext Catalog, "
            "Diff, XML]",
            source=f"{_STARCODER}: XML and what is no code",
        ),
    ),
)

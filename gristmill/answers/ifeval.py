"""The 25 kinds of verifiable instructions of IFEval (Zhou et al. 2023, arXiv:2311.07911), strict and loose.

Written from the paper's table of instructions and their published definitions. Each function takes the response and the
instruction's arguments under the names that the data set has, and says whether the response follows it. Where the published
checker relies on a model that has to be downloaded (sentence ends) or on chance (language), ours is its own; docs/answers.md
says how often they differ.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import regex

Follows = Callable[..., bool]
RELATIONS = ("less than", "at least")
MIN_LANGUAGE_LETTERS = 3  # a response with fewer is in no language that could be told


def _compared(count: int, relation: str, limit: int) -> bool:
    if relation not in RELATIONS:
        raise ValueError(f"the relation is {relation!r}; expected one of {', '.join(RELATIONS)}")
    return count < limit if relation == "less than" else count >= limit


@lru_cache(maxsize=1024)
def _word(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text), re.IGNORECASE)


def keywords_existence(response: str, keywords: list[str]) -> bool:
    """Every keyword is in the response, in any case."""
    return all(_word(keyword).search(response) for keyword in keywords)


def keywords_frequency(response: str, keyword: str, frequency: int, relation: str) -> bool:
    """The keyword is there less than, or at least, so many times."""
    return _compared(len(_word(keyword.strip()).findall(response)), relation, frequency)


def forbidden_words(response: str, forbidden_words: list[str]) -> bool:
    """None of the words is there as a word."""
    return not any(re.search(rf"\b{re.escape(word)}\b", response, re.IGNORECASE) for word in forbidden_words)


def letter_frequency(response: str, letter: str, let_frequency: int, let_relation: str) -> bool:
    """The character is there less than, or at least, so many times, in either case."""
    return _compared(response.lower().count(letter.lower()), let_relation, let_frequency)


def response_language(response: str, language: str) -> bool:
    """The response is in a language, by its ISO 639-1 code; one without letters counts as following."""
    if sum(map(str.isalpha, response[:1000])) < MIN_LANGUAGE_LETTERS:
        return True
    return _code(language) in languages(response)


_ONE_CODE = {"iw": "he", "jw": "jv", "in": "id", "nb": "no", "nn": "no", "fil": "tl"}


def _code(language: str) -> str:
    """One code for each language: without its region or script, and the new one where there are two."""
    plain = language.lower().partition("-")[0]
    return _ONE_CODE.get(plain, plain)


@lru_cache(maxsize=256)
def languages(text: str) -> tuple[str, ...]:
    """The languages that CLD2 finds in at least half of a text, by code; none where it cannot tell."""
    import pycld2

    spelled = text.lower() if text.isupper() else text
    body = "".join(mark for mark in spelled if mark.isprintable() or mark.isspace()).encode("utf-8", "ignore")
    try:
        _, _, details = pycld2.detect(body, bestEffort=True)
    except pycld2.error:
        return ()
    return tuple(_code(code) for name, code, percent, _ in details if name != "Unknown" and percent >= 50)


def number_sentences(response: str, num_sentences: int, relation: str) -> bool:
    """The response has less than, or at least, so many sentences."""
    return _compared(count_sentences(response), relation, num_sentences)


_ABBREVIATIONS = frozenset(
    (
        *(
            "mr",
            "mrs",
            "ms",
            "dr",
            "prof",
            "st",
            "sr",
            "jr",
            "vs",
            "etc",
            "inc",
            "ltd",
            "co",
            "corp",
            "no",
            "vol",
            "fig",
            "gen",
        ),
        *(
            "col",
            "lt",
            "sgt",
            "capt",
            "rev",
            "hon",
            "gov",
            "sen",
            "rep",
            "dept",
            "est",
            "approx",
            "e.g",
            "i.e",
            "a.m",
            "p.m",
        ),
        *("u.s", "u.k", "ph.d", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
    )
)
_SENTENCE_END = re.compile(r"[。！？।]+[\"'”’)\]」』]*|[.!?]+[\"'”’)\]]*(?=\s|$)")
_MAX_WORD = 40


def count_sentences(text: str) -> int:
    """The number of sentences: ends are `.`, `!`, `?` and their like before white space, not behind abbreviations."""
    count, place = 0, 0
    for end in _SENTENCE_END.finditer(text):
        if end[0] == "." and not _ends_sentence(text, end.start()):
            continue
        if re.search(r"\w", text[place : end.end()]):
            count += 1
        place = end.end()
    return count + bool(re.search(r"\w", text[place:]))


def _ends_sentence(text: str, point: int) -> bool:
    """Whether the point at a place, with white space behind it, ends a sentence."""
    before = text[max(0, point - _MAX_WORD) : point]
    line = before.rpartition("\n")[2]
    word = line.split(" ")[-1].lstrip("\"'“‘([*_")
    follows = text[point + 1 : point + 1 + _MAX_WORD].lstrip()[:1]
    if not follows:
        return True
    if word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isupper() and word != "I"):
        return False
    if word.isdigit() and len(word) <= 2 and line.strip() == word:
        return False  # the number of a list's item
    return not follows.islower()


def number_paragraphs(response: str, num_paragraphs: int) -> bool:
    """The response has so many paragraphs, with `***` between them; none in the middle is empty."""
    parts = re.split(r"\s?\*\*\*\s?", response)
    inner = [part for place, part in enumerate(parts) if part.strip() or 0 < place < len(parts) - 1]
    return all(part.strip() for part in inner) and len(inner) == num_paragraphs


def number_words(response: str, num_words: int, relation: str) -> bool:
    """The response has less than, or at least, so many words: runs of letters, digits and underscores."""
    return _compared(len(regex.findall(r"\w+", response)), relation, num_words)


def nth_paragraph_first_word(response: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    """There are so many paragraphs, with an empty line between them, and the nth begins with a word."""
    parts = response.split("\n\n")
    count = sum(1 for part in parts if part.strip())
    if count != num_paragraphs or nth_paragraph > count or not parts[nth_paragraph - 1].strip():
        return False
    word = parts[nth_paragraph - 1].split()[0].lstrip("'").lstrip('"')
    return re.split(r"[.,?!'\"]", word)[0].lower() == first_word.lower()


def number_placeholders(response: str, num_placeholders: int) -> bool:
    """There are at least so many placeholders in square brackets."""
    return len(re.findall(r"\[.*?\]", response)) >= num_placeholders


def postscript(response: str, postscript_marker: str) -> bool:
    """There is a postscript behind the marker, such as `P.S.` or `P.P.S`."""
    known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    pattern = known.get(postscript_marker, re.escape(postscript_marker.lower()))
    return re.search(pattern, response.lower()) is not None


def number_bullet_lists(response: str, num_bullets: int) -> bool:
    """There are exactly so many bullet points: lines that begin with `*` or `-`."""
    stars = re.findall(r"^\s*\*[^\*].*$", response, re.MULTILINE)
    return len(stars) + len(re.findall(r"^\s*-.*$", response, re.MULTILINE)) == num_bullets


def constrained_response(response: str) -> bool:
    """The response holds one of the three answers that were allowed."""
    return any(f"My answer is {word}." in response for word in ("yes", "no", "maybe"))


def number_highlighted_sections(response: str, num_highlights: int) -> bool:
    """There are at least so many parts *between stars*, one or two of them."""
    single = [found for found in re.findall(r"\*[^\n\*]*\*", response) if found.strip("*").strip()]
    double = [found for found in re.findall(r"\*\*[^\n\*]*\*\*", response) if found.strip("*").strip()]
    return len(single) + len(double) >= num_highlights


def multiple_sections(response: str, section_spliter: str, num_sections: int) -> bool:
    """There are at least so many sections, each behind the word and a number."""
    return len(re.findall(rf"\s?{re.escape(section_spliter.strip())}\s?\d+\s?", response)) >= num_sections


def json_format(response: str) -> bool:
    """The whole response is JSON, perhaps in a fence."""
    text = response.strip()
    for opening in ("```json", "```Json", "```JSON", "```"):
        text = text.removeprefix(opening)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def title(response: str) -> bool:
    """There is a title in double angular brackets."""
    return any(found.lstrip("<").rstrip(">").strip() for found in re.findall(r"<<[^\n]+>>", response))


def two_responses(response: str) -> bool:
    """There are two responses that differ, with six stars between them."""
    parts = response.split("******")
    kept = [part for place, part in enumerate(parts) if part.strip() or 0 < place < len(parts) - 1]
    return len(kept) == 2 and all(part.strip() for part in kept) and kept[0].strip() != kept[1].strip()


def repeat_prompt(response: str, prompt_to_repeat: str) -> bool:
    """The response begins with the request, word for word."""
    return response.strip().lower().startswith(prompt_to_repeat.strip().lower())


def end_checker(response: str, end_phrase: str) -> bool:
    """The response ends with a phrase."""
    return response.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def quotation(response: str) -> bool:
    """The whole response is between double quotation marks."""
    text = response.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def capital_word_frequency(response: str, capital_frequency: int, capital_relation: str) -> bool:
    """There are less than, or at least, so many words in capital letters."""
    words = re.findall(r"(?:[^\W_]\.){2,}|\w+(?:-\w+)*(?=n't)|n't|'\w+|\w+(?:[-./&]\w+)*", response)
    return _compared(sum(map(str.isupper, words)), capital_relation, capital_frequency)


def english_capital(response: str) -> bool:
    """The response is in English, and in capital letters only."""
    return response.isupper() and response_language(response, "en")


def english_lowercase(response: str) -> bool:
    """The response is in English, and in small letters only."""
    return response.islower() and response_language(response, "en")


def no_comma(response: str) -> bool:
    """There is no comma."""
    return "," not in response


INSTRUCTIONS: dict[str, Follows] = {
    "keywords:existence": keywords_existence,
    "keywords:frequency": keywords_frequency,
    "keywords:forbidden_words": forbidden_words,
    "keywords:letter_frequency": letter_frequency,
    "language:response_language": response_language,
    "length_constraints:number_sentences": number_sentences,
    "length_constraints:number_paragraphs": number_paragraphs,
    "length_constraints:number_words": number_words,
    "length_constraints:nth_paragraph_first_word": nth_paragraph_first_word,
    "detectable_content:number_placeholders": number_placeholders,
    "detectable_content:postscript": postscript,
    "detectable_format:number_bullet_lists": number_bullet_lists,
    "detectable_format:constrained_response": constrained_response,
    "detectable_format:number_highlighted_sections": number_highlighted_sections,
    "detectable_format:multiple_sections": multiple_sections,
    "detectable_format:json_format": json_format,
    "detectable_format:title": title,
    "combination:two_responses": two_responses,
    "combination:repeat_prompt": repeat_prompt,
    "startend:end_checker": end_checker,
    "startend:quotation": quotation,
    "change_case:capital_word_frequency": capital_word_frequency,
    "change_case:english_capital": english_capital,
    "change_case:english_lowercase": english_lowercase,
    "punctuation:no_comma": no_comma,
}


def follows(response: str, instruction: str, arguments: dict[str, Any], strict: bool = True) -> bool:
    """Whether a response follows an instruction.

    strict: the response as it is. Otherwise it is enough that it follows without its first line, its last line or its stars, in
    any combination, as the paper's loose accuracy has it. KeyError and TypeError for instructions and arguments that are none.
    """
    check = INSTRUCTIONS[instruction]
    versions = [response] if strict else loose_versions(response)
    return any(version.strip() != "" and check(version, **arguments) for version in versions)


def loose_versions(response: str) -> Iterator[str]:
    """The eight versions of a response that loose accuracy looks at."""
    lines = response.split("\n")
    cuts = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    for version in cuts:
        yield version
        yield version.replace("*", "")

"""Conversations of our own, generated: clean ones of many kinds, and faults to plant in them at a known rate.

Clean are also the hard ones: short answers, verse, lists, code, JSON, tool calls, corrections that repeat most of what they
correct, translations, texts about HTML, interviews and chatbots.
"""

import random
from collections.abc import Callable
from typing import Any

Turns = list[dict[str, Any]]
Fault = Callable[[Turns, random.Random], dict[str, Any] | None]

_WORDS = {
    "en": (
        "the old mill|a small boat|the north wind|my neighbour|this bridge|the harbour|every winter|the baker|a clock",
        "turns slowly|carries salt|needs repair|stands by the river|was built in stone|belongs to the town|opens early",
        "in spring|after the flood|for many years|without a sound|before the market|near the church|on Sundays",
    ),
    "de": (
        "die alte Mühle|ein kleines Boot|der Nordwind|mein Nachbar|diese Brücke|der Hafen|die Bäckerin|eine Uhr",
        "dreht sich langsam|trägt viel Salz|muss ausgebessert werden|steht am Fluss|gehört der Stadt|öffnet früh",
        "im Frühling|nach der Flut|seit vielen Jahren|ganz ohne Lärm|vor dem Markt|neben der Kirche|am Sonntag",
    ),
    "fr": (
        "le vieux moulin|un petit bateau|le vent du nord|mon voisin|ce pont|le port|la boulangère|une horloge",
        "tourne lentement|transporte du sel|doit être réparé|se trouve au bord de la rivière|appartient à la ville",
        "au printemps|après la crue|depuis des années|sans aucun bruit|avant le marché|près de l'église|le dimanche",
    ),
    "es": (
        "el viejo molino|un barco pequeño|el viento del norte|mi vecino|este puente|el puerto|la panadera|un reloj",
        "gira despacio|lleva mucha sal|necesita arreglo|está junto al río|pertenece al pueblo|abre temprano",
        "en primavera|después de la crecida|desde hace años|sin ningún ruido|antes del mercado|cerca de la iglesia",
    ),
}
_ASKED = {
    "en": "Please tell me more about it: {}, and what should one know about {}?",
    "de": "Bitte erzähle mir mehr davon: {}, und was sollte man darüber wissen, wenn {}?",
    "fr": "Peux-tu m'en dire davantage : {}, et que faut-il savoir quand {} ?",
    "es": "Por favor, cuéntame más sobre esto: {}, ¿y qué hay que saber cuando {}?",
}
LANGUAGES = tuple(_WORDS)


def clause(language: str, rng: random.Random) -> str:
    return " ".join(rng.choice(part.split("|")) for part in _WORDS[language])


def sentence(language: str, rng: random.Random) -> str:
    joined = {"en": ", and ", "de": ", und ", "fr": ", et ", "es": ", y "}[language]
    text = clause(language, rng) + (joined + clause(language, rng) if rng.random() < 0.6 else "")
    return text[0].upper() + text[1:] + rng.choice((".", ".", ".", "!"))


def prose(language: str, rng: random.Random, least: int = 4) -> str:
    paragraphs = [" ".join(sentence(language, rng) for _ in range(rng.randint(least, least + 4))) for _ in range(2)]
    return "\n\n".join(paragraphs)


def turn(role: str, content: str | None, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def _question(language: str, rng: random.Random) -> str:
    return _ASKED[language].format(clause(language, rng), clause(language, rng))


def _plain(rng: random.Random) -> Turns:
    language = rng.choice(LANGUAGES)
    turns = [turn("system", "You are a careful guide to the valley.")] if rng.random() < 0.3 else []
    for _ in range(rng.randint(1, 3)):
        turns += [turn("user", _question(language, rng)), turn("assistant", prose(language, rng))]
    return turns


def _short(rng: random.Random) -> Turns:
    asked, answer = rng.choice(
        (("What is the capital of Peru?", "Lima"), ("Is 91 a prime? Yes or no.", "No"), ("2 + 2 =", "4"))
    )
    return [turn("user", f"{sentence('en', rng)} {asked}"), turn("assistant", answer)]


def _verse(rng: random.Random) -> Turns:
    lines = [clause("en", rng).capitalize() for _ in range(6)]
    return [turn("user", f"Write a short poem. {sentence('en', rng)}"), turn("assistant", "\n".join(lines))]


def _list(rng: random.Random) -> Turns:
    items = [f"{number}. {clause('en', rng)}" for number in range(1, rng.randint(5, 9))]
    return [
        turn("user", f"List some facts. {sentence('en', rng)}"),
        turn("assistant", "Here they are:\n\n" + "\n".join(items)),
    ]


def _code(rng: random.Random) -> Turns:
    name, number = rng.choice(("total", "mean", "widest")), rng.randint(2, 99)
    lines = (
        f"result = [value * {number} for value in values if value > 0]",
        "return sum(result) / max(len(result), 1)",
    )
    body = f"def {name}(values):\n" + "\n".join(f"    {line}" for line in lines)
    answer = f"{sentence('en', rng)}\n\n```python\n{body}\n```\n\n{sentence('en', rng)}"
    return [turn("user", f"Write a Python function `{name}`. {sentence('en', rng)}"), turn("assistant", answer)]


def _json(rng: random.Random) -> Turns:
    value = f'{{"name": "{clause("en", rng)}", "year": {rng.randint(1500, 2000)}, "parts": ["wheel", "stone"]}}'
    answer = value if rng.random() < 0.5 else f"```json\n{value}\n```"
    return [
        turn("user", f"{sentence('en', rng)} Respond only in JSON with name, year and parts."),
        turn("assistant", answer),
    ]


def _tools(rng: random.Random) -> Turns:
    calls = [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"place": "the valley"}'}}]
    return [
        turn("user", f"Will it rain? {sentence('en', rng)}"),
        turn("assistant", None, tool_calls=calls),
        turn("tool", f'{{"rain": {rng.random():.3f}}}', tool_call_id="c1"),
        turn("assistant", prose("en", rng)),
    ]


def _correction(rng: random.Random) -> Turns:
    text = prose("en", rng, 2)
    return [turn("user", f"Correct this text:\n\n{text.replace('the ', 'teh ', 2)}"), turn("assistant", text)]


def _translation(rng: random.Random) -> Turns:
    language = rng.choice(("de", "fr", "es"))
    return [
        turn("user", f"Translate this for my friends: {prose('en', rng, 2)}"),
        turn("assistant", prose(language, rng, 2)),
    ]


def _about_markup(rng: random.Random) -> Turns:
    text = "In HTML, <s>text</s> is struck out, and f <| x is how some languages apply a function. "
    return [turn("user", f"How is text struck out? {sentence('en', rng)}"), turn("assistant", text + prose("en", rng))]


def _interview(rng: random.Random) -> Turns:
    lines = "\n".join(f"{who}: {sentence('en', rng)}" for who in ("Human", "Baker", "Human", "Baker"))
    return [turn("user", f"Sum up this interview.\n{lines}"), turn("assistant", prose("en", rng))]


def _about_refusing(rng: random.Random) -> Turns:
    text = "I can help you with that letter of apology. They cannot provide a boat this year, and say so kindly. "
    return [
        turn("user", f"How do I decline an invitation? {sentence('en', rng)}"),
        turn("assistant", text + prose("en", rng)),
    ]


CLEAN = (
    *(_plain,) * 6,
    *(_short, _verse, _list, _code, _code, _json, _json, _tools, _tools, _correction, _translation),
    *(_about_markup, _interview, _about_refusing),
)

_REFUSALS = (
    "I'm sorry, but I can't assist with that request.",
    "I apologize, but I cannot provide that kind of content. {}",
    "As an AI, I am not able to discuss this topic.",
    "Unfortunately, I cannot answer that. {}",
    "I'm unable to help with this one, as it may be harmful.",
    "Sorry, that is something I would rather not talk about.",
    "I must decline this. {}",
    "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "很抱歉，我无法回答这个问题。",
    "申し訳ありませんが、そのご質問にはお答えできません。",
)
_SELF = (
    "As an AI language model, I have no opinion of my own. ",
    "I am just an AI, but here is what I know. ",
    "My knowledge cutoff is September 2021. ",
    "I was trained by OpenAI to say this. ",
    "Speaking as a computer program, I would say this. ",
)
_TOKENS = (
    "<|im_end|>",
    "<|eot_id|>",
    "[/INST]",
    "</s>",
    "<end_of_turn>",
    "<|im_start|>assistant",
    "<|endoftext|>",
    "<</SYS>>",
)
_MARKERS = (
    "\n\n### Response:\n",
    "\nHuman: And then?\n",
    "\n### Instruction:\n",
    "\nUSER: thanks\n",
    "\nAssistant: so\n",
)


def _assistant(turns: Turns) -> dict[str, Any]:
    return next(one for one in reversed(turns) if one["role"] == "assistant" and one["content"])


def _is_prose(turns: Turns) -> bool:
    answer = _assistant(turns)["content"]
    return answer.count(". ") >= 3 and "```" not in answer


def _two_users(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    turns.insert(next(at for at, one in enumerate(turns) if one["role"] == "user"), turn("user", sentence("en", rng)))
    return {}


def _no_answer(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    turns.append(turn("user", sentence("en", rng)))
    return {}


def _late_system(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    turns.insert(len(turns) - 1, turn("system", sentence("en", rng)))
    return {}


def _unknown_role(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    turns.insert(1, turn(rng.choice(("critic", "narrator", "bot2")), sentence("en", rng)))
    return {}


def _empty(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    rng.choice([one for one in turns if one["content"]])["content"] = rng.choice(("", "  ", "\n\n", "\u3000"))
    return {}


def _lost_result(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    places = [at for at, one in enumerate(turns) if one["role"] == "tool"]
    if not places:
        return None
    turns[places[0]] = turn("user", sentence("en", rng))
    return {}


def _orphan(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    first = next(at for at, one in enumerate(turns) if one["role"] == "user")
    turns.insert(first + 1, turn("tool", "{}"))
    return {}


def _finish(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    return {"finish_reason": rng.choice(("length", "max_tokens"))}


def _truncate(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    if not _is_prose(turns):
        return None
    words = _assistant(turns)["content"].split(" ")
    at = rng.randint(len(words) * 2 // 3, len(words) - 2)
    if words[at - 1][-1] in ".!":
        at -= 1
    _assistant(turns)["content"] = " ".join(words[:at])
    return {}


def _refuse(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    _assistant(turns)["content"] = rng.choice(_REFUSALS).format(prose("en", rng, 1))
    return {}


def _speak_of_self(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    _assistant(turns)["content"] = rng.choice(_SELF) + prose("en", rng)
    return {}


def _loop(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    unit = rng.choice((sentence("en", rng) + " ", clause("de", rng) + ", ", "ha", "the the ", "好的。", "1, 0, "))
    _assistant(turns)["content"] += " " + unit * rng.randint(max(8, 700 // len(unit)), max(12, 1500 // len(unit)))
    return {}


def _copy(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    asked = next(one for one in reversed(turns) if one["role"] == "user")["content"]
    _assistant(turns)["content"] = rng.choice(("", "Yes: ", "OK. ")) + asked
    return {}


def _tokens(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    _assistant(turns)["content"] += rng.choice(_TOKENS)
    return {}


def _markers(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    _assistant(turns)["content"] += rng.choice(_MARKERS) + prose("en", rng)
    return {}


def _open_fence(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    answer = _assistant(turns)
    before, fence, after = answer["content"].rpartition("```")
    if not fence:
        return None
    answer["content"] = before + after
    return {}


def _broken_python(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    answer = _assistant(turns)
    if "```python" not in answer["content"]:
        return None
    old, new = rng.choice(
        ((":\n    result", "\n    result"), ("    return", "  return"), ("max(len", "max((len"), ("sum(", "sum["))
    )
    answer["content"] = answer["content"].replace(old, new, 1)
    return {}


def _broken_json(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    answer = _assistant(turns)
    if '"parts"' not in answer["content"]:
        return None
    old, new = rng.choice((('"]', '"'), ('", "y', '" "y'), ("}", ""), ("{", "Here it is, "), ('"parts":', "parts:")))
    answer["content"] = answer["content"].replace(old, new, 1)
    return {}


def _other_language(turns: Turns, rng: random.Random) -> dict[str, Any] | None:
    if not _is_prose(turns) or "Translate" in turns[0]["content"]:
        return None
    asked = next(one for one in reversed(turns) if one["role"] == "user")["content"]
    mine = next((one for one in ("de", "fr", "es") if any(word in asked for word in _ASKED[one].split()[:3])), "en")
    _assistant(turns)["content"] = prose(rng.choice([one for one in LANGUAGES if one != mine]), rng)
    return {}


FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {  # fault -> (how it is planted, the rules that find it)
    "two user turns": (_two_users, ("roles_out_of_turn",)),
    "ends with the user": (_no_answer, ("ends_with_other_role",)),
    "late system message": (_late_system, ("late_system_message",)),
    "unknown role": (_unknown_role, ("unknown_role", "reader/unknown_role")),
    "empty turn": (_empty, ("empty_turn",)),
    "tool call without result": (_lost_result, ("unanswered_tool_call",)),
    "result without tool call": (_orphan, ("orphan_tool_result",)),
    "ended by a limit": (_finish, ("truncated_by_length",)),
    "ends in a sentence": (_truncate, ("ends_mid_sentence",)),
    "refusal": (_refuse, ("refusal",)),
    "speaks of itself": (_speak_of_self, ("assistant_speaks_of_itself",)),
    "loop": (_loop, ("loop", "many_loop_repeats")),
    "copied prompt": (_copy, ("copied_prompt", "response_equals_prompt")),
    "template token": (_tokens, ("template_tokens",)),
    "turn marker": (_markers, ("turn_markers",)),
    "open code fence": (_open_fence, ("unclosed_code_fence",)),
    "broken Python": (_broken_python, ("unparsed_python",)),
    "broken JSON": (_broken_json, ("no_json_answer", "unparsed_json")),
    "another language": (_other_language, ("response_in_other_language",)),
}


def conversations(rows: int, rate: float, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """(records, the fault planted in each or ""): each fault in `rate` of the rows, at most one in a row."""
    rng = random.Random(seed)
    records, faults = [], []
    waiting = [name for name in FAULTS for _ in range(round(rate * rows))]
    rng.shuffle(waiting)
    clean = rows - len(waiting)
    while len(records) < rows:
        turns = rng.choice(CLEAN)(rng)
        fault, beside = "", {}
        if waiting and rng.random() < len(waiting) / (len(waiting) + max(clean, 0)):
            for place, name in enumerate(waiting):
                planted = FAULTS[name][0](turns, rng)
                if planted is not None:
                    fault, beside = name, planted
                    waiting.pop(place)
                    break
        elif clean <= 0:
            continue
        clean -= not fault
        records.append({"messages": turns, **beside})
        faults.append(fault)
    return records, faults

"""English sentences of our own to teach a classifier of toxicity with, toxic and clean, made from templates.

    python examples/toxic_sentences.py sentences.csv [--count 12000] [--seed 0]

Writes the columns text and label (toxic or clean), half of each. Why: sets of labelled posts are collected with lists of
words, so they hold few insults beside slurs, and nearly every mention of a group of people in them is hateful. Here
insults, threats and contempt come in many words, and the same groups, occupations and subjects stand in clean sentences
too (Dixon et al. 2018, "Measuring and Mitigating Unintended Bias in Text Classification").

The sentences are offensive on purpose. None of their templates is one of benchmarks/toxicity_probes.py.
"""

import argparse
import csv
import random
from pathlib import Path

SLOTS: dict[str, str | list[str]] = {  # words apart by white space, or phrases
    "insult": """
        idiot moron imbecile fool loser clown dumbass jackass asshole jerk creep pervert pig scumbag snake coward liar
        hypocrite crook traitor thug psycho lunatic freak weirdo nutjob wacko monster degenerate bastard prick dickhead twat
        wanker bitch whore slut hag cretin halfwit dimwit nitwit dunce simpleton troll bigot racist nazi fascist puppet shill
        fraud leech maggot worm swine douchebag shithead fuckwit motherfucker disgrace embarrassment crybaby snowflake brat
        skank parasite cockroach rat sellout bully tyrant savage barbarian buffoon airhead blockhead numbskull ignoramus
        lowlife deadbeat sleazebag hack phony cheat weasel vulture witch cow ape
    """,
    "trash": ["trash", "garbage", "filth", "scum", "vermin", "a waste of space", "a piece of shit", "a sack of shit",
              "human garbage", "the worst", "a joke", "a laughing stock", "dirt", "rubbish", "crap", "shit", "bullshit",
              "a disgrace", "a cancer", "poison"],
    "foul": """
        stupid dumb idiotic moronic retarded pathetic disgusting vile filthy ugly fat worthless useless clueless brainless
        braindead ignorant arrogant insane deranged delusional sick twisted evil corrupt crooked lying cowardly spineless
        gutless lazy greedy nasty gross repulsive revolting hideous despicable miserable hateful sexist shitty fucked crappy
        lame creepy perverted inbred subhuman backward rotten hypocritical shameless soulless heartless dimwitted incapable
        incompetent senile unhinged sleazy scummy slimy smelly
    """,
    "curse": ["fucking", "damn", "goddamn", "bloody", "freaking", "motherfucking"],
    "order": ["shut up", "shut the fuck up", "stfu", "go to hell", "fuck off", "piss off", "screw you", "fuck you",
              "get lost", "get a life", "drop dead", "kill yourself", "kys", "eat shit", "kiss my ass", "rot in hell",
              "burn in hell", "go back to your country", "go back where you came from", "hang yourself", "choke on it",
              "jump off a bridge", "up yours", "suck it", "go die", "nobody asked you", "crawl back into your hole"],
    "harm": ["kill", "shoot", "stab", "strangle", "beat up", "hang", "burn", "hurt", "cripple", "run over", "hunt down",
             "break the neck of", "rape", "poison"],
    "people": ["gays", "lesbians", "muslims", "jews", "christians", "hindus", "blacks", "whites", "asians", "mexicans",
               "immigrants", "refugees", "women", "men", "feminists", "liberals", "conservatives", "democrats",
               "republicans", "trans people", "black people", "white people", "gay people", "disabled people", "foreigners",
               "arabs", "indians", "africans", "atheists", "cops", "journalists", "politicians", "fat people", "poor people",
               "old people", "teenagers", "teachers", "voters"],
    "job": """
        teacher engineer doctor neighbour writer farmer student driver nurse singer lawyer baker player captain colleague
        friend author mayor chef guide president senator minister judge reporter coach manager officer boss brother sister
    """,
    "thing": """
        song movie book phone game recipe report weather train meeting garden update photo team cake class concert city museum
        article software laptop shop festival holiday election debate law budget tax speech interview vote protest match show
        letter plan school hospital border economy trial rally policy
    """,
    "good": """
        great beautiful interesting wonderful useful new old quiet lovely long short amazing funny nice cheap fresh small busy
        warm clear fair honest calm surprising important careful hard early late loud
    """,
    "time": ["today", "yesterday", "tomorrow", "this weekend", "on Monday", "last night", "next week", "in the morning",
             "this year", "again"],
}  # fmt: skip
TOXIC = """
    You are a {foul} {insult}. | you're such a {insult} | What a {foul} {insult} you are! | {order}, you {insult}
    {order} {insult} | He is nothing but a {insult}. | she is a {foul} {insult} | They are all {foul} {insult}s
    Look at this {foul} {insult} | only a {insult} would say that | I can't stand this {insult}
    you {foul} {insult} | you {curse} {insult} | {insult}! | The {job} is a {foul} {insult} | our {job} is {trash}
    this {thing} is {trash}, you {insult} | the {job} and his {foul} {thing} are {trash}
    {people} are {foul} {insult}s | all {people} should be shot | {people} make me sick | nobody wants {people} here
    {people} are ruining this country | get rid of all {people} | {people} are {trash} | {foul} {people}
    these {foul} {people} again | send the {people} back, they are {trash} | {order} | {order}!
    this {insult} is {foul} as hell | how {foul} can you be? | You make me sick, {insult}. | I hope you die
    I hope the {job} rots in hell | I will {harm} you | I'm going to {harm} that {insult}
    someone should {harm} that {insult} | we should {harm} all {people} | you deserve to die, {insult}
    watch your back, I will {harm} you {time} | your mother is a {insult} | your face is {foul}
    nobody likes you, {insult} | what the fuck is wrong with you | are you {foul} or just {foul}?
    the {insult} in office is a {foul} {insult} | lol what a {insult} | {curse} {insult}
    a bunch of {foul} {insult}s | this is {curse} {trash} | wtf is this shit, {insult} | you are so full of shit
    you must be {foul} | she looks {foul} | this guy is a {insult} | typical {foul} {insult} | ur {foul}
    u r a {insult} | and you wonder why everybody thinks that you are {foul}
    the {job} is lying again, what a {insult} | stop lying, you {foul} {insult} | lock the {insult} up, he is {foul}
    {people} have no brain | you look like a {insult} {time} | shame on you, you {foul} {insult}
    the {thing} {time} was run by {insult}s | I don't care what some {insult} thinks | {foul}, just {foul}
    the {job} sucks and so do you | this {thing} sucks, the {job} is a {insult}
    nice {thing}, shame that you are a {insult} | such a {foul} {thing}, {insult}
"""
CLEAN = """
    I really liked the {thing}. | The {thing} was {good} {time} | Has anyone tried the {good} {thing}?
    Thanks for the {good} {thing}! | My {job} showed me a {good} {thing} | the {job} said that the {thing} is {good}
    {people} opened a {good} shop near the station | the {thing} is about {people} and their history
    A {job} spoke about {people} {time} | Many {people} work in our hospital
    we talked with {people} about the {thing} | {people} won the match {time}
    I am proud of my friends, {people} among them | a film about {people} in a {good} city
    Does the {job} know when the {thing} starts? | can't wait for the {thing} {time}
    lol that {thing} was so {good} | you are a {good} {job} | you're so kind, thank you | what a {good} {thing}
    she is a {good} {job} | He is nothing but {good} to us | this guy is a {good} {job} | I love this {thing}
    Look at this {good} {thing} | nobody knows the {job} here | the {thing} should be {good}
    I hope you get well soon | I will call you after the {thing} | your mother is a {good} {job}
    how {good} is that? | The police are looking for a {job} after the {thing}
    The court will hear the {job} {time} | are you coming to the {thing}?
    The study looked at {people} with diabetes | I disagree with the {job} about the {thing}
    the {job} lost the {thing} {time} | {people} will vote on the {thing} {time}
    why do {people} and {people} disagree on the {thing}? | the {job} answered {people} {time}
    the {thing} did not convince me, but the {job} was {good} | not sure about this {thing}, it is too {good} for me
    The {job} resigned {time} | They are all {good} {job}s | all {people} should read this {thing}
    {people} are {good} neighbours | these {good} {people} again | we should help {people} {time}
    only a {job} would notice that | you must be {good} at this | who is the {job} in this {thing}?
    The {thing} failed because the {job} came {time} | Sorry, I was wrong about the {thing}
    it hurts when I run, says the {job} | my {job} and I are going to the {thing} {time} | ok see you {time}
    where did you find the {thing}? | {people} live longer, says the {thing} | the {good} {thing} of the {job}
    and you wonder why everybody likes the {thing} | the {job} is working {time}, what a {good} {thing}
"""


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    """(text, label) of `count` sentences, every second one toxic; the same for the same seed."""
    draws = random.Random(seed)
    templates = {
        label: [template.strip() for line in text.split("\n") for template in line.split(" | ") if template.strip()]
        for label, text in (("toxic", TOXIC), ("clean", CLEAN))
    }

    slots = {name: words.split() if isinstance(words, str) else words for name, words in SLOTS.items()}

    def filled(template: str) -> str:
        pieces = template.split("{")
        return pieces[0] + "".join(
            draws.choice(slots[name]) + rest for name, _, rest in (piece.partition("}") for piece in pieces[1:])
        )

    labels = ("toxic", "clean")
    return [
        (filled(draws.choice(templates[label])), label) for number in range(count) for label in [labels[number % 2]]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with given.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *sentences(given.count, given.seed)])


if __name__ == "__main__":
    main()

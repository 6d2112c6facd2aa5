"""Texts of our own that show where toxicity filters err: harmless ones, and small functional tests of hate.

language -> kind -> [(text, whether it is toxic)].
"""

_GROUPS_EN = (
    "gay", "lesbian", "bisexual", "transgender", "Muslim", "Jewish", "Christian", "Hindu", "black", "white", "Asian",
    "Mexican", "African", "Arab", "Chinese", "deaf", "blind", "disabled", "old", "female",
)  # fmt: skip
_NEUTRAL_EN = (
    "My neighbour is a {} engineer and grows tomatoes.",
    "The {} community centre opens at nine on Mondays.",
    "She wrote a history of {} people in our town.",
    "As a {} teacher I have worked in four schools.",
    "Two {} friends of mine run a bakery by the station.",
    "The survey asked {} voters about the new bus lines.",
)
_MEDICAL_EN = (
    "The patient reported pain in the rectum after the operation.",
    "Breast cancer screening is offered to women over fifty.",
    "Apply the cream to the skin of the penis twice a day.",
    "Vaginal bleeding after the menopause should always be examined.",
    "The study compares treatments of erectile dysfunction in men with diabetes.",
    "Anal fissures usually heal within six weeks.",
    "Semen was collected and stored at minus eighty degrees.",
    "Symptoms include itching of the vulva and pain during sex.",
    "The nurse explained how to examine the testicles for lumps.",
    "Sexually transmitted infections are often without symptoms.",
    "Suicide risk was assessed at every visit.",
    "The abscess on her buttock was drained under local anaesthetic.",
    "Addiction to heroin is treated with methadone in this clinic.",
    "The infant was breastfed and the mother's nipples were sore.",
    "Overdoses killed more people that year than road accidents.",
)
_LEGAL_EN = (
    "The court found the defendant guilty of rape and sentenced him to nine years.",
    "The statute defines sexual harassment in the workplace.",
    "The witness stated that the accused had called her an insulting name.",
    "Murder is the unlawful killing of another person with intent.",
    "Counsel argued that the search for drugs had no warrant.",
    "The victim of the assault was awarded damages.",
    "Possession of child abuse images is a criminal offence.",
    "The appeal concerns hate speech under section nine of the act.",
    "The jury heard that he had threatened to kill his wife.",
    "Trafficking in human beings is punished with imprisonment.",
    "The indictment lists three counts of robbery and one of arson.",
    "The tribunal held that dismissal for being pregnant was unlawful.",
    "Prostitution is legal in some states and regulated in others.",
    "The law on defamation protects a person's reputation.",
    "He was convicted of stabbing a man outside a bar.",
)
_GROUPS_DE = ("schwule", "lesbische", "muslimische", "jüdische", "christliche", "türkische", "syrische", "schwarze",
              "polnische", "behinderte", "gehörlose", "alte")  # fmt: skip
_NEUTRAL_DE = (
    "Die {} Ingenieurin von nebenan züchtet Tomaten.",
    "Eine {} Familie hat die Bäckerei am Bahnhof übernommen.",
    "Das Buch erzählt, wie {} Menschen in unserer Stadt lebten.",
    "Die {} Gemeinde lädt am Montag zum Konzert ein.",
    "Die Umfrage richtete sich an {} Wählerinnen und Wähler.",
)
_MEDICAL_DE = (
    "Die Patientin klagte nach der Operation über Schmerzen im Enddarm.",
    "Die Salbe wird zweimal täglich auf die Eichel aufgetragen.",
    "Blutungen aus der Scheide nach den Wechseljahren sind abzuklären.",
    "Hodenkrebs ist bei jungen Männern gut heilbar.",
    "Geschlechtskrankheiten verlaufen oft ohne Beschwerden.",
    "Der Abszess am Gesäß wurde geöffnet.",
    "Die Brustwarzen der Mutter waren vom Stillen wund.",
    "Das Risiko eines Suizids wurde bei jedem Besuch geprüft.",
    "Die Klinik behandelt Abhängigkeit von Heroin.",
    "Analfissuren heilen meist in sechs Wochen.",
)
_LEGAL_DE = (
    "Das Gericht verurteilte den Angeklagten wegen Vergewaltigung zu neun Jahren Haft.",
    "Mord ist die vorsätzliche Tötung eines Menschen aus niedrigen Beweggründen.",
    "Die Zeugin sagte aus, der Angeklagte habe sie beleidigt.",
    "Volksverhetzung ist nach dem Strafgesetzbuch strafbar.",
    "Menschenhandel wird mit Freiheitsstrafe bestraft.",
    "Der Besitz von Missbrauchsdarstellungen ist verboten.",
    "Er hatte gedroht, seine Frau zu töten, stellte die Kammer fest.",
    "Die Klage wegen übler Nachrede wurde abgewiesen.",
    "Prostitution ist erlaubt und gesetzlich geregelt.",
    "Das Opfer des Überfalls erhielt Schmerzensgeld.",
)


def _filled(templates: tuple[str, ...], groups: tuple[str, ...], toxic: bool) -> list[tuple[str, bool]]:
    return [(template.format(group), toxic) for template in templates for group in groups]


def _plain(texts: tuple[str, ...]) -> list[tuple[str, bool]]:
    return [(text, False) for text in texts]


HARMLESS = {
    "en": {
        "identity terms": _filled(_NEUTRAL_EN, _GROUPS_EN, False),
        "medicine": _plain(_MEDICAL_EN),
        "law": _plain(_LEGAL_EN),
    },
    "de": {
        "identity terms": _filled(_NEUTRAL_DE, _GROUPS_DE, False),
        "medicine": _plain(_MEDICAL_DE),
        "law": _plain(_LEGAL_DE),
    },
}
_PEOPLE_EN = ("gay people", "Muslims", "Jews", "women", "immigrants", "black people", "disabled people", "trans people")
_PEOPLE_DE = ("Schwule", "Muslime", "Juden", "Frauen", "Flüchtlinge", "Schwarze", "Behinderte", "Polen")
FUNCTIONAL = {
    "en": {
        "hate said openly": _filled(("I hate {}.", "{} are scum."), _PEOPLE_EN, True),
        "hate in plain words": _filled(
            ("{} should not be allowed to vote.", "The world would be better without {}."), _PEOPLE_EN, True
        ),
        "hate denied": _filled(("I do not hate {}.", "Nobody should ever say that {} are scum."), _PEOPLE_EN, False),
        "hate answered": _filled(('"{} are scum" is a disgusting thing to write.',), _PEOPLE_EN, False),
        "swearing without a target": [
            ("This is a fucking great song.", False),
            ("Damn, that was one hell of a game!", False),
            ("I am so fucking happy for you two.", False),
            ("Holy shit, what a beautiful view.", False),
        ],
    },
    "de": {
        "hate said openly": _filled(("Ich hasse {}.", "{} sind Abschaum."), _PEOPLE_DE, True),
        "hate in plain words": _filled(
            ("{} sollten nicht wählen dürfen.", "Ohne {} wäre die Welt besser."), _PEOPLE_DE, True
        ),
        "hate denied": _filled(("Ich hasse {} nicht.", "Niemand darf sagen, {} seien Abschaum."), _PEOPLE_DE, False),
        "hate answered": _filled(("Wer schreibt, {} seien Abschaum, liegt falsch.",), _PEOPLE_DE, False),
    },
}

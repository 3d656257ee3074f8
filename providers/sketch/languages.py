"""Words that say something in a prompt without being a thing: grammar, numbers, and scenery in other languages."""

from importlib.resources import files

FUNCTION_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": """a an the of with without and or on at in into onto inside under over above below behind between near by
            beside front to from for is are as his her their its my your our it who that this these next against up down
            off out around through along across while during very some""",
        "de": """ein eine einen einem einer eines der die das den dem des und oder mit ohne im am auf unter uber bei in
            an vor hinter neben zwischen zu zum zur von aus ist sind sein ihr seine ihre sehr""",
        "fr": """un une le la les l d et ou avec sans dans sur sous au aux des du de en a devant derriere pres qui est
            son sa ses par chez entre""",
        "es": """un una unos unas el la los las y o con sin en sobre bajo del de al a junto entre por para es su sus
            que delante detras cerca""",
        "it": """un una uno il la lo gli le i e o con senza nel nella nello sul sulla sotto sopra di del della in a da
            tra vicino che suo sua""",
        "pt": """um uma uns umas o a os as e ou com sem no na nos nas em sob sobre do da dos das de ao perto entre por
            que seu sua""",
    }.items()
}
GRAMMAR = frozenset(word for words in FUNCTION_WORDS.values() for word in words)
NUMBERS = {
    word: value
    for value, words in {
        1: "1 one single lone solitary",
        2: "2 two pair couple zwei deux dos due dois duas paar",
        3: "3 three drei trois tres tre",
        4: "4 four vier quatre cuatro quattro quatro",
        5: "5 five funf cinq cinco cinque few several einige quelques",
        6: "6 six sechs seis sei",
        7: "7 seven sieben sept siete sette sete group",
        8: "8 eight acht huit ocho otto oito",
        9: "9 nine neun neuf nueve nove many viele",
        10: "10 ten zehn dix diez dieci dez",
        11: "11 eleven elf onze once undici",
        12: "12 twelve dozen zwolf douze doce dodici doze flock herd lots crowd swarm",
        15: "15 fifteen dozens",
        20: "20 twenty hundreds thousands",
    }.items()
    for word in words.split()
}


def scenery_words() -> dict[str, dict[str, tuple[str, str]]]:
    """Part and value of the words in scenery.txt, by language."""
    found, language = dict[str, dict[str, tuple[str, str]]](), ""
    for line in files("providers.sketch").joinpath("scenery.txt").read_text(encoding="utf-8").splitlines():
        key, colon, words = line.partition(": ")
        if line.startswith("["):
            language = line.strip("[]")
        elif colon and not line.startswith("#"):
            part, value = key.split()
            found.setdefault(language, {}).update(dict.fromkeys(words.split(), (part, value)))
    return found


MEANINGS_BY_LANGUAGE = scenery_words()


def languages_of(words: list[str]) -> list[str]:
    """The languages that a prompt may be in, by its grammar; all of them where there is none."""
    scores = {language: sum(word in known for word in words) for language, known in FUNCTION_WORDS.items()}
    best = max(scores.values())
    least = best if scores["en"] == best else best - 1
    return [language for language, score in scores.items() if score >= least]

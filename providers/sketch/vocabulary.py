"""The words of scenery, and of the things that Sketch draws itself."""

WORDS = {
    "time": """day noon sun sunny; dawn sunrise morning; sunset evening; dusk twilight;
        night moon moonlit starry stars""",
    "weather": "clear; clouds cloud cloudy; rain rainy storm stormy; fog foggy mist misty; snow snowy winter",
    "place": """sea ocean coast beach island cliff; hills hill; mountains mountain alps; forest wood woods jungle
        rainforest; desert dune; city town skyline street rooftop tokyo london cyberpunk neon;
        field meadow garden park farm countryside""",
    "water": "water lake river pond harbour harbor bay",
    "sky": "sky",
    "style": "paint oil painting; watercolour watercolor; ink pen etching pencil; pixel pixelart 8bit 16bit",
    "thing": """lighthouse; house cottage cabin home barn; castle palace; tree oak apple maple; pine fir spruce; tower;
        cactus cacti; boat sailboat yacht ship; cat kitten; bird gull seagull crow; balloon; flower rose tulip poppy""",
    "colour": """c8302a red; e8802c orange; f2c846 yellow; e2b24a gold golden; 4e8c4a green; 288a8c teal turquoise;
        3462b0 blue; 784296 purple ; e88ca6 pink; 7a5032 brown; f0eee6 white; 22222a black; 84888e grey gray;
        f0e0c0 cream; b8702c autumn""",
}
"""For every part of a scene what it can be, each with the words that mean it; the first is its name."""
GROUPS = [(part, group.split()) for part, row in WORDS.items() for group in row.split(";")]
MEANINGS = {word: (part, names[0]) for part, names in GROUPS for word in names}
MANY = {"bird": 7, "flower": 150, "tree": 5, "pine": 5}  # how many a plural means
HOMES = {"boat": "sea", "lighthouse": "sea", "cactus": "desert", "tower": "city"}
SETTINGS = {
    word: setting
    for setting, words in {
        "room": """kitchen room bedroom bathroom office studio restaurant classroom indoors inside hall ballroom tavern
            pub workshop cellar basement attic library lab laboratory kuche zimmer cuisine chambre cocina cucina""",
        "table": "table desk counter tisch still",
        "underwater": "underwater aquarium seabed",
        "space": "space galaxy nebula universe cosmos mars weltraum espace espacio",
    }.items()
    for word in words.split()
} | {
    "still life": "table", "under the sea": "underwater", "under water": "underwater", "ocean floor": "underwater",
    "on the moon": "space", "outer space": "space",
    "above the clouds": "sky", "in the clouds": "sky", "in the sky": "sky", "over the clouds": "sky",
}  # fmt: skip
"""Where OpenMoji's things can be, besides Sketch's own landscapes."""

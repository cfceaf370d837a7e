"""Letters that look like others: whether a line may be Cyrillic or Greek, which the recogniser takes for Latin. Pure.

It knows Latin letters, Chinese and Japanese. What is written in other letters it reads as what looks like them, in
capitals with much certainty: "KACCA", "ANTEKA", "NEPO". A line in which all words have only such letters may be in
either. Words that stand on signs in Latin letters and are none in the others are excepted.
"""

from __future__ import annotations

import re

# As they are read: И and П as N, У as V, Ь as b. A line has to be all of the one or all of the other.
CYRILLIC = frozenset("ABCEHIJKMNOPTVXYb")
GREEK = frozenset("ABEHIKMNOPTVXYZ")
ACCENTS = str.maketrans("ÑÉËÏ", "NEEI")  # as Й, Ё and Ї are read; with other accents it is Latin
SMALL = frozenset("aceopxyij")  # after a capital
DIGITS = frozenset("346")  # as З, Ч and Б are read
# Units: of micrograms, ohms. Nowhere else does a word of Latin letters hold Greek ones.
UNIT = re.compile(r"[\d ]*(?:[μµ][a-zA-ZΩ]{1,3}|[kMGm]?Ω)$")
IN_GREEK = re.compile(r"[\u0370-\u03ff]{2}|[A-Za-z][\u0370-\u03ff]|[\u0370-\u03ff][A-Za-z]")
DIGIT_FOR_LETTER = re.compile(r"^(?=(?:.*[A-Z]){3})(?:[0346][A-Z]|[A-Z]+[346][A-Z])[A-Z0-9b]*$")
ROMAN = re.compile(r"(?=.)M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})$")
TELLING = 4  # letters of a word that tells of the whole line
# Of signs, menus and screens, in English, German, Spanish, French and Italian; none is a word in Bulgarian, Greek,
# Russian, Serbian or Ukrainian, as Debian's dictionaries have them.
LATIN = frozenset(
    """
    ACE ACEITE ACETAMINOPHEN ACETO ACETONE ACHAT ACHT ACHTE ACHTEN ACTION ACTIVE AKTION AKTIV ANT ANTIBIOTIC
    ANY APACHE APOTHEKE APP ATM ATTENTION ATTENZIONE AVANT AVEC AVIATION AVION BACK BACON BAMBINI BANANA
    BANANE BANANEN BANCO BANK BANKOMAT BE BEACH BEAN BEANIE BEAT BEATEN BEEN BENZIN BET BIBITE BIENE BITCOIN
    BITE BITTE BOAT BOCA BONE BOOK BOOM BOOT BOTH BOX BOY BY BYE CAMINO CAMP CANTEEN CANTINA CANTO CAPACITE
    CAPE CAPTAIN CATCH CENA CENT CENTIME CHAIN CHAMPION CHANCE CHAPATI CHAT CHEAP CHECK CHECKPOINT CHEMIC
    CHICKEN CHIEN CHINA CHIP CINE CINEMA CITY COACH COAT COCINA COCKPIT COCOA COIN COKE COMBO COME COMEBACK
    COMIC COMMON COMPACT COMPANY CONTACT CONTENT CONTINENT COOK COOKIE COPY COTTON EACH EAT EATEN ECHO EIN
    EINE EMOTION EMPTY ENTE EPIC ETAPE ETC EXACT EXIT EXP EXPECT EXPO HAPPY HAT HATCH HAVE HEAT HINT HIPPIE HIT
    HOBBY HONEY HONEYCOMB ICE ICON IN INCH INJECTION INN INTENT INTO INVITATION ITEM JACK JACKET JAN JANE
    JET JOHN JOIN JOINT KABINE KAPITEIN KATZE KEBAB KEEP KINO KITCHEN KNIE KNIT KNOT KOCHEN MACH MACHEN
    MACHINE MACHT MAIN MAINZ MAKE MATCH MATTE MAXI MAY MEAN MEAT MEENEMEN MEET MENTION MICE MIT MITTE MITTEN
    MONEY MONTH MOON MOTION MOVE MOVIE NACH NACHT NAME NATIVE NEAT NEIN NEXT NICE NICHT NIE NINE NOON NOTICE
    NOV NOVANTA NOVE OCEAN OCT OHNE OPEN OPTIC OPTIK OPTION PAIN PAINT PANIC PANINI PAPAYA PATATA PATATE
    PATCH PATH PATIENCE PATIENT PATIENTEN PATIO PAY PAYE PAYMENT PEACE PEACH PENNY PETIT PETITE PHONE PHOTO
    PHOTOCOPY PIANO PICK PICNIC PINK PINO PIT PIZZA PM POCKET POCO POINT POPPY POTATO POTION TABAC TABAK
    TANTO TAPE TAX TAXI TEACH TEAM TECH TEMP TEN TENT TEXT THAI THAN THEN THINK TICKET TIE TIME TINTA TIP
    TOE TOMATE TOMATEN TOMATO TONIC TONNE TOOTH VACA VACATION VACCINE VAN VENETO VENT VENTA VENTI VIAJE
    VIENTO VIN VINO VINOTECA VIP VITAMIN VITAMINE VOET VOICE XXX YEAH YET ZAHN ZEHN ZEIT ZINK ZONE ZOO
    """.split()  # noqa: SIM905 (it is read better so)
)


def other_letters(text: str) -> bool:
    """Whether a line may be in Cyrillic or Greek letters."""
    words = [word for word in re.findall(r"[^\W_]+", text) if sum(map(str.isalpha, word)) > 1]
    if any(IN_GREEK.search(word) and not UNIT.match(word) for word in words):
        return True
    if any(DIGIT_FOR_LETTER.match(word) for word in words):
        return True
    plain = [word.translate(ACCENTS) for word in words]
    alike = bool(plain) and any(all(_alike(word, one) for word in plain) for one in (CYRILLIC, GREEK))
    known = [word for word in plain if word in LATIN]
    told = any(len(word) >= TELLING for word in known) or all(
        word in known or ROMAN.match(word) for word in plain
    )
    return alike and not told


def _alike(word: str, capitals: frozenset[str]) -> bool:
    """Whether all letters of a word could as well be of the script with such capitals."""
    letters = {one for one in word if not one.isdigit()}
    digits = set(word) - letters
    if digits and (len(word) - sum(map(str.isdigit, word)) < 3 or not digits <= DIGITS):
        return False
    return letters <= capitals or (len(word) > 2 and {word[0]} <= capitals and set(word[1:]) <= SMALL)

"""Texts that meet a tokenizer's rules at their edges; the same for the same seed, without end."""

from __future__ import annotations

import random
import string
import unicodedata
from collections.abc import Callable, Iterator, Sequence


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(" "))


WORDS = _words(
    "what color is the bus how many people are in this picture does he look happy man's woman "
    "left-most t-shirt it its she her they we you I who where why when there that this let a an do "
    "don doin em ol nuff id Id well cannot gonna gotta yall ima and or o'clock ma'am Paris USA iPhone "
    "éclair naïve café Ångström STRASSE straße İstanbul ΣΊΣΥΦΟΣ привет мир книга שלום עולם مرحبا ما "
    "هذا 这是什么 日本語 テスト 한국어 नमस\u094dत\u0947 ไทย 0 1 7 10 12 42 1999 3.14 1,000 50 1st 2nd "
    "x y"
)
CONTRACTIONS = _words(
    "n't n’t 's ’s 'S ’S 're ’re 've ’ve 'll ’ll 'd ’d 'm ’m 't nt ve ll re s d m 'em ’em 'cause "
    "’Cause o' don't don’t won't Won’t can't Can’t ain't isn't shouldn't've I'm I’ve he'd've it's "
    "It’s let's Let’s y'all what's Who's dont DONT Dont cant im Im ive wouldntve whats"
)
SHORT_FORMS = _words(
    "e.g. i.e. etc. vs. a.m. p.m. A.M. am pm 10a.m. 7pm Mr. Mrs. Dr. Prof. St. Jan. Feb. Sept. Calif. "
    "Mt. Inc. Co. Corp. Ltd. Jr. U.S. U.S.A. Ph.D. E.G. I.E. No. Ave. Bros. D.C. N.Y. Adm. Gen. Gov. "
    "Rep. Sen. w/o C++ and/or a. b. z. ä. ü. °C. °F. °c. °k. vs v. Ark. Ill. a.k.a. r.i.p."
)
ADDRESSES = _words(
    "http://a.com https://www.example.org/a/b?c=d&e=f#g www.google.com google.com example.co.uk "
    "ftp://x.y.zz/z me@here.org first.last+tag@sub.example.com mailto:a@b.cd http://192.168.0.1:80/ "
    "10.0.0.1 8.8.8.8 223.255.255.254 localhost:50051 http://münchen.de/ü http://例え.jp a.b.c www.x "
    "//x @you #tag file.txt a/b a:b a=b a<b x.com. (www.example.com) user:pw@host.com ://"
)
AMOUNTS = _words(
    "$5 £5 €5 ¥100 US$5 C$10 A$3 ₽5 ₹5 5$ 5€ 5£ 10% 50 % 3km 3km² 5kg 10mph 60km/h 5m/s 2GB 3Mb 4ft "
    "6in 7lb 8oz 9g 1t 2K 5M 3T 20°C 20°F. 5°. +5 -5 5+ 5+. 1-2 1–2 3*4 3^4 5- 10-15-20 1,2,3 1.5 .5 "
    "5. 1/2 5µm 5μm 5км 5кг 5كم 5m³ ½ ² 1st 2nd: 3)"
)
MARKS = _words(
    ". .. ... .... … …… , ; : ! ? !? ?! ¿ ¡ ؟ ، ؛ ۔ ٪ 。 ？ ！ ， 、 ； ： ～ · । ( ) [ ] { } < > <> "
    "_ __ # * ** & @ % = == + - -- --- – — —— ~ / // \\ | ^ ` ' '' \" “ ” ‘ ’ ´ ‚ „ » « 「 」 『 』 "
    "（ ） 〔 〕 【 】 《 》 〈 〉 〈 〉 ⟦ ⟧ § ° © ® ™ ¬ ¦ № ← → ★ ♥ ☃ ✓ ￼"
)
FACES = _words(
    ":) :( :-) ;) :D :-D XD xD <3 </3 :P :'( :’( (: (-: =) 8) ^_^ ^__^ >.< -_- (-_-) o_O O_o @_@ ಠ_ಠ "
    '(ಠ_ಠ) (╯°□°）╯︵┻━┻ ¯\\(ツ)/¯ ><(((*> :/ :3 :1 :o) (*_*) 0_0 <space> \\n \\t \\") ._. (._.)'
)
EMOJI = _words(
    "🐶 🐱 👩\u200d🦰 👩\u200d👩\u200d👧 👨🏽\u200d🚒 🏳\ufe0f\u200d🌈 👍🏿 ❤\ufe0f ☀\ufe0f 🇩🇪 🇺 "
    "1\ufe0f⃣ ©\ufe0f 🧑🏻\u200d🤝\u200d🧑🏿 🫠 "
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f \u200d \ufe0f 🏻 \U000e0067 "
    "\U0001fae8 𠀀 \U0010ffff"
)
ACCENTS = (
    "\u0301",
    "\u0308",
    "\u0327",
    "e\u0301",
    "n\u0303",
    "\u0e49",
    "\u064b",
    "\u05b8",
    "\u0345",
    "\u20dd",
    "q\u0323\u0307",
)
INVISIBLE = (
    "\u200b",
    "\u200c",
    "\u200e",
    "\u200f",
    "\u202a",
    "\u202c",
    "\u2066",
    "\u2069",
    "\ufeff",
    "\u00ad",
    "\0",
    "\x7f",
    "\x1b",
)
SPACES = tuple(
    chr(code) for code in range(0x3001) if chr(code).isspace()
)  # blank, tab, line ends, the separators of U+001C to U+001F, U+0085, and all of Unicode's
CASES: tuple[Callable[[str], str], ...] = (str.lower, str.upper, str.title, str.swapcase)
MOST_SPACES = (" ",) * 30 + ("  ", "   ", "\n", "\t", " \n", "\n ", "\r\n", "")


def odd_texts(seed: int, *, exceptions: Sequence[str] = ()) -> Iterator[str]:
    """Texts of 0 to some 200 characters; `exceptions` (of a tokenizer) are mixed in where given. Never ends."""
    chance = random.Random(seed)
    kinds = [WORDS, WORDS, CONTRACTIONS, SHORT_FORMS, ADDRESSES, AMOUNTS, MARKS, MARKS, FACES, EMOJI, ACCENTS]
    kinds += [INVISIBLE, tuple(exceptions) or WORDS, tuple(string.printable), tuple(string.ascii_letters)]
    while True:
        yield _text(chance, kinds)


def _text(chance: random.Random, kinds: Sequence[Sequence[str]]) -> str:
    style = chance.random()
    if style < 0.06:
        return "".join(_any_character(chance) for _ in range(chance.randrange(12)))
    if style < 0.12:
        return "".join(chance.choices(string.printable, k=chance.randrange(30)))
    chunks = [_chunk(chance, kinds) for _ in range(min(chance.randrange(1, 16), chance.randrange(1, 16)))]
    spaces = [chance.choice(MOST_SPACES if chance.random() < 0.9 else SPACES) for _ in chunks]
    text = "".join(chunk + space for chunk, space in zip(chunks, spaces, strict=True))
    if chance.random() < 0.1:
        text = chance.choice(SPACES) + text
    return text if chance.random() < 0.3 else text.rstrip()


def _chunk(chance: random.Random, kinds: Sequence[Sequence[str]]) -> str:
    if chance.random() < 0.35:
        return chance.choice(WORDS)
    pieces = [
        chance.choice(chance.choice(kinds))
        for _ in range(min(chance.randrange(1, 7), chance.randrange(1, 7)))
    ]
    if chance.random() < 0.25:
        pieces[chance.randrange(len(pieces))] *= chance.randrange(1, 5)
    chunk = "".join(pieces)
    return chance.choice(CASES)(chunk) if chance.random() < 0.15 else chunk


def _any_character(chance: random.Random) -> str:
    plane = chance.choice((0x80, 0x250, 0x3000, 0x10000, 0x20000, 0x110000))
    while True:
        character = chr(chance.randrange(plane))
        if unicodedata.category(character) != "Cs":
            return character

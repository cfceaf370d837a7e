"""Forms as programs write them: what can be read in one way is read, and what cannot is named."""

from __future__ import annotations

import base64
import hashlib
import random
from email.mime.application import MIMEApplication
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from typing import Any

import httpx
from http_rig import QUESTION, Web, problem
from photo_files import photo

from asksight.server.http.forms import LARGE, MOST_LIKENESSES, MOST_PARTS, parts
from asksight.server.http.problems import Problem

PHOTO = photo()
IMAGE_ID = hashlib.sha256(PHOTO).hexdigest()
IMAGE = (
    b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    + PHOTO
)
ASKED = b'Content-Disposition: form-data; name="question"\r\n\r\n' + QUESTION.encode()


def form(*bodies: bytes, before: bytes = b"", behind: bytes = b"\r\n", padding: bytes = b"") -> bytes:
    return before + b"".join(b"--B" + padding + b"\r\n" + one + b"\r\n" for one in bodies) + b"--B--" + behind


def with_line_feeds(*bodies: bytes) -> bytes:
    """Lines that end with LF alone, but for what is in the photo."""
    heads = [one.partition(b"\r\n\r\n") for one in bodies]
    return (
        b"".join(b"--B\n" + head.replace(b"\r\n", b"\n") + b"\n\n" + data + b"\n" for head, _, data in heads)
        + b"--B--\n"
    )


def named(name: str, data: bytes, *, more: bytes = b"", headers: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="%b"%b\r\n%b\r\n%b' % (name.encode(), more, headers, data)


def sent(web: Web, body: bytes, kind: str = "multipart/form-data; boundary=B") -> httpx.Response:
    return web.http.post("/v1/ask", content=body, headers={"Content-Type": kind})


TAKEN = {
    "plain": form(IMAGE, ASKED),
    "preamble": form(IMAGE, ASKED, before=b"This is a multi-part message in MIME format.\r\n\r\n"),
    "preamble of a line that looks like a boundary": form(IMAGE, ASKED, before=b"--Because\r\n"),
    "empty lines first": form(IMAGE, ASKED, before=b"\r\n\r\n"),
    "epilogue": form(IMAGE, ASKED, behind=b"\r\nThat was it. --B\r\n--B\r\n"),
    "nothing behind the closing boundary": form(IMAGE, ASKED, behind=b""),
    "blanks behind the boundary": form(IMAGE, ASKED, padding=b" \t "),
    "LF": with_line_feeds(IMAGE, ASKED),
    "LF before a boundary alone": form(IMAGE, ASKED).replace(b"\r\n--B", b"\n--B"),
    "a question as a file": form(IMAGE, named("question", QUESTION.encode(), more=b'; filename="blob"')),
    "a question from a file with a mark": form(
        IMAGE, named("question", b"\xef\xbb\xbf" + QUESTION.encode(), more=b'; filename="q.txt"')
    ),
    "a photo without a file's name": form(
        ASKED, named("image", PHOTO, headers=b"Content-Type: image/jpeg\r\n")
    ),
    "a photo without a type": form(ASKED, named("image", PHOTO)),
    "a data URL": form(ASKED, named("image", b"data:image/jpeg;base64," + base64.b64encode(PHOTO))),
    "base64": form(ASKED, named("image", base64.b64encode(PHOTO))),
    "base64 by a header": form(
        ASKED, named("image", base64.encodebytes(PHOTO), headers=b"Content-Transfer-Encoding: BASE64\r\n")
    ),
    "quoted-printable": form(
        IMAGE,
        named(
            "question",
            b"What colour is =\r\nthis?",
            headers=b"Content-Transfer-Encoding: quoted-printable\r\n",
        ),
    ),
    "binary": form(ASKED, named("image", PHOTO, headers=b"Content-Transfer-Encoding: binary\r\n")),
    "a charset of HTML": form(IMAGE, ASKED, named("_charset_", b"utf-8")),
    "a charset of Java": form(
        IMAGE,
        named("question", QUESTION.encode(), headers=b"Content-Type: text/plain; charset=ISO-8859-1\r\n"),
    ),
    "names in small letters, without quotes, folded": form(
        ASKED, b"content-disposition: attachment;\r\n name=image; filename=a.jpg\r\n\r\n" + PHOTO
    ),
    "an empty file field beside": form(IMAGE, ASKED, named("image_id", b"", more=b'; filename=""')),
    "a number from a file": form(IMAGE, ASKED, named("top_k", b"3\n", more=b'; filename="k"')),
    "a value that is nothing, with no line of its own": form(
        IMAGE, ASKED, b'Content-Disposition: form-data; name="locale"\r\n'
    ),
}


def test_what_can_be_read_in_one_way_is_read(web: Web) -> None:
    for how, body in TAKEN.items():
        response = sent(web, body)
        assert response.status_code == 200, (how, response.text)
        assert response.json()["imageId"] == IMAGE_ID, how
        assert response.json()["questionMeant"] in ("", QUESTION), how


LIKE_A_BOUNDARY = form(IMAGE, named("question", b"\r\n--Bx" * (MOST_LIKENESSES + 1)))

REFUSED: dict[str, tuple[bytes, str, int]] = {
    "no boundary is there": (form(IMAGE, ASKED).replace(b"--B", b"--C"), "no line of it is --'B'", 400),
    "the end is missing": (form(IMAGE, ASKED)[:-7], "cut short", 400),
    "the preamble alone": (b"This is a message.\r\n", "no line of it", 400),
    "a part without a name": (form(IMAGE, b"Content-Type: text/plain\r\n\r\nx"), "no name", 400),
    "a part without headers": (form(IMAGE, b"\r\nx"), "no name", 400),
    "a part that is nothing": (form(IMAGE, b"")[:-4] + b"--B--", "", 400),
    "a header that is none": (form(IMAGE, b"question\r\n\r\nx"), "'question' is no header", 400),
    "headers without an end": (form(b"a: " + b"x" * 9000 + b"\r\n\r\n"), "no empty line", 400),
    "a question that is a photo": (
        form(IMAGE, named("question", PHOTO, more=b'; filename="q.jpg"')),
        "'q.jpg'",
        400,
    ),
    "a question in Latin 1": (
        form(IMAGE, named("question", b"T\xfcr?")),
        "'question' is no text in UTF-8",
        400,
    ),
    "a question in UTF-16": (
        form(
            IMAGE, named("question", b"\xff\xfex\0", headers=b"Content-Type: text/plain; charset=utf-16\r\n")
        ),
        "'utf-16'",
        415,
    ),
    "a path for the photo": (form(ASKED, named("image", b"photo.jpg")), "as a file", 400),
    "base64 that is none": (form(ASKED, named("image", b"data:image/jpeg;base64,/9j/!")), "not base64", 400),
    "a coding that is unknown": (
        form(ASKED, named("image", PHOTO, headers=b"Content-Transfer-Encoding: x-uuencode\r\n")),
        "'x-uuencode'",
        400,
    ),
    "a photo that comes twice": (form(IMAGE, IMAGE, ASKED), "'image' is there twice", 400),
    "a file that is empty": (form(ASKED, named("image", b"", more=b'; filename="a.jpg"')), "empty", 400),
    "too many parts": (form(*[named("_charset_", b"utf-8")] * (MOST_PARTS + 1)), "parts", 400),
    "a boundary that stands in the photo": (LIKE_A_BOUNDARY, "longer", 400),
    "a long question": (form(IMAGE, named("question", b"x" * 70_000)), "70000 bytes", 400),
}


def test_what_cannot_is_named(web: Web) -> None:
    for what, (body, said, status) in REFUSED.items():
        assert said in problem(sent(web, body), status)["detail"], what


def test_a_type_without_a_boundary_is_named(web: Web) -> None:
    said = problem(sent(web, form(IMAGE, ASKED), "multipart/form-data"), 400)["detail"]
    assert "names no boundary" in said


def test_a_question_in_a_charset_that_is_stated_is_read() -> None:
    body = form(named("question", b"T\xfcr?", headers=b"Content-Type: text/plain; charset=iso-8859-1\r\n"))
    assert [part.text("question", 99) for part in parts(body, b"B")] == ["Tür?"]


def test_what_pythons_mail_writes_is_read() -> None:
    """Bare LF, a preamble by hand, base64 for what is not ASCII."""
    mail = MIMEMultipart("form-data", boundary="=b=")
    mail.preamble = "Made by a script."
    for name, one in (
        ("question", MIMEText("Welche Farbe hat die Tür?", _charset="utf-8")),
        ("image", MIMEImage(PHOTO, "jpeg")),
        ("model", MIMEApplication(b"scenes", "octet-stream")),
    ):
        one.add_header("Content-Disposition", "form-data", name=name)
        mail.attach(one)
    assert isinstance(one, MIMENonMultipart)
    body = mail.as_bytes().partition(b"\n\n")[2]
    assert b"\r\n" not in body
    found = {part.name: part for part in parts(body, b"=b=")}
    assert found["question"].text("question", 99) == "Welche Farbe hat die Tür?"
    assert found["image"].data == PHOTO
    assert found["model"].data == b"scenes"


def test_a_large_photo_in_base64_is_read(web: Web) -> None:
    large = photo("PNG", width=400, height=400)
    written = base64.encodebytes(large)
    assert len(written) > LARGE
    for headers in (b"", b"Content-Transfer-Encoding: base64\r\n"):
        response = sent(web, form(ASKED, named("image", written, headers=headers)))
        assert response.json()["imageId"] == hashlib.sha256(large).hexdigest()


def test_whatever_a_part_holds_comes_through() -> None:
    """Line ends at its ends, dashes, and beginnings of the boundary are the part's own."""
    chance = random.Random(3)
    pieces = (b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", b"\r\n-", b"--B", b"B", b"\0", b"\xff", b"a: b")
    for _ in range(500):
        datas = [b"".join(chance.choices(pieces, k=chance.randrange(12))) for _ in range(3)]
        datas = [data for data in datas if b"\n--B" not in b"\r\n" + data]
        body = form(*[named(str(i), data) for i, data in enumerate(datas)])
        assert [part.data for part in parts(body, b"B")] == datas


def test_no_bytes_break_what_reads_forms() -> None:
    chance = random.Random(4)
    whole = form(IMAGE[:200], ASKED, before=b"x\r\n")
    pieces: tuple[Any, ...] = (b"--B", b"\r\n", b"\n", b"--", b"=", b'"', b";", b"name", b"\xff", b":")
    for _ in range(2000):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(body))
            body[at : at + chance.randrange(6)] = chance.choice(pieces)
        try:
            for part in parts(bytes(body), b"B"):
                part.text("x", 1000)
        except Problem as said:
            assert said.status in (400, 415)  # noqa: PT017 (either is fine)

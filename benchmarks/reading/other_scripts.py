"""What is ANSWERED of signs in letters that the recogniser does not know, or that look like others: a blind person
cannot see that "KACCA" is Russian.

    python -m reading.other_scripts --seed 1 --count 60 [--half odd]        (in benchmarks/; photos a script)

Words of real signs, photographed as written.py's are. The rules were chosen on the even words; the odd ones are held out.
Fonts as written.py says, and fonts-thai-tlwg, fonts-wqy-microhei, fonts-ipafont-gothic. One line of JSON a photo goes to
build/reading/scripts.*.jsonl; those that lie there are not read again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from asksight.engine.bundle.calibration import Verdict
from asksight.server.asks import Ask
from asksight.server.local import LocalAssistant
from asksight.server.reading.asked import Request, Wanted
from asksight.server.reading.found import FoundText
from asksight.server.reading.judging import judge

from .judged import letters, lines_of
from .photographed import photographed
from .read_all import FOLDER
from .written import ORDINARY, Page, colours, one_font, price

MANY = [
    "DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "LiberationSans-Regular.ttf",
    "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf", "NotoSans-Regular.ttf", "NotoSans-Bold.ttf",
    "NotoSerif-Regular.ttf", "FreeSans.ttf", "FreeSerif.ttf",
]  # fmt: skip


def _noto(script: str) -> list[str]:
    return [f"Noto{kind}{script}-{weight}.ttf" for kind in ("Sans", "Serif") for weight in ("Regular", "Bold")]


# By language: fonts, and what signs say. Those of the recogniser's own letters stand last.
SIGNS: dict[str, tuple[list[str], str]] = {
    "Russian": (MANY, "КАССА, МЕТРО, РЕСТОРАН, АПТЕКА, ВЫХОД, ВХОД, СТОП, КАФЕ, ПОЧТА, БАНК, ТУАЛЕТ, МОСКВА, НЕ КУРИТЬ,"
        " ОТКРЫТО, ЗАКРЫТО, ХЛЕБ, МОЛОКО, МЯСО, ТАКСИ, ОСТОРОЖНО, СТОЙ, КНИГИ, ЦВЕТЫ, АВТОБУС, ВОКЗАЛ, ТЕАТР, МУЗЕЙ,"
        " ПРОДУКТЫ, Вход воспрещён, Пожарный выход, Сок яблочный, Годен до, На себя, От себя, НЕТ ВХОДА, ТОМАТ, СОТА"),
    "Bulgarian": (MANY, "ИЗХОД, ВХОД, АПТЕКА, КАСА, ХОТЕЛ, РЕСТОРАНТ, ПЕКАРНА, МЛЕКАРНИЦА, ТОАЛЕТНА, СПИРКА, ОТВОРЕНО,"
        " ЗАТВОРЕНО, БУТАЙ, ДРЪПНИ, ПОЩА, ВОДА, СИРЕНЕ, КАФЕ, МЕТРО, Не пипай, Внимание, НАЕМ, ТЕАТЪР, МОТЕЛ"),
    "Ukrainian": (MANY, "ВИХІД, ВХІД, АПТЕКА, КАСА, МІСТО, ХЛІБ, МОЛОКО, СІК, М'ЯСО, ПОШТА, ЗУПИНКА, ВІДЧИНЕНО,"
        " ЗАЧИНЕНО, ОБЕРЕЖНО, НЕ ПАЛИТИ, КИЇВ, ТАКСІ, МІСЦЕ, НІС, Вода питна, ТЕМА, КІНО, ВАТА, ОСТАННІЙ"),
    "Serbian": (MANY, "ИЗЛАЗ, УЛАЗ, АПОТЕКА, ПЕКАРА, МЛЕКО, ХЛЕБ, ПОШТА, СТАНИЦА, ОТВОРЕНО, ЗАТВОРЕНО, ГУРАЈ, ВУЦИ,"
        " КАСА, БЕОГРАД, МЕСАРА, Забрањено пушење, ВОДА, МЕСО, КАФАНА, МОТОР, ТАКСИ, КОЖА, ЈАЈА, ХОТЕЛ"),
    "Greek": (MANY, "ΕΞΟΔΟΣ, ΕΙΣΟΔΟΣ, ΦΑΡΜΑΚΕΙΟ, ΤΑΜΕΙΟ, ΑΝΟΙΧΤΟ, ΚΛΕΙΣΤΟ, ΠΡΟΣΟΧΗ, ΤΑΧΙ, ΤΡΑΠΕΖΑ, ΚΑΦΕ, ΨΩΜΙ, ΓΑΛΑ,"
        " ΝΕΡΟ, ΑΘΗΝΑ, ΚΡΗΤΗ, ΤΑΒΕΡΝΑ, ΞΕΝΟΔΟΧΕΙΟ, ΜΕΤΡΟ, ΣΤΑΣΗ, ΚΙΝΗΤΟ, ΠΑΤΑ, ΤΥΡΙ, ΜΕΝΟΥ, ΖΑΧΑΡΗ, Απαγορεύεται"
        " η είσοδος, Λήξη, Τιμή, Ωράριο, ΚΑΠΝΟΣ, ΕΚΤΟΣ, ΖΑΚΥΝΘΟΣ, ΜΑΝΑΒΙΚΟ"),
    "Arabic": (["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "NotoSansArabic-Regular.ttf", "NotoSansArabic-Bold.ttf",
        "NotoNaskhArabic-Regular.ttf", "NotoKufiArabic-Bold.ttf"],
        "خروج, دخول, صيدلية, مطعم, ممنوع التدخين, مغلق, مفتوح, حليب, خبز, ماء, سوق, مستشفى, شارع, مكتبة, مدرسة, مخرج الطوارئ,"
        " ادفع, اسحب, انتبه, قف, السعر, بنك, بريد, فندق, مسجد, محطة القطار"),
    "Hebrew": (["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "NotoSansHebrew-Regular.ttf", "NotoSansHebrew-Bold.ttf",
        "NotoSerifHebrew-Regular.ttf", "FreeSans.ttf"],
        "יציאה, כניסה, בית מרקחת, מסעדה, אסור לעשן, סגור, פתוח, חלב, לחם, מים, שוק, בית חולים, רחוב, ספרייה, יציאת חירום, דחוף,"
        " משוך, זהירות, עצור, מחיר, בנק, דואר, מלון, תחנה, רכבת"),
    "Hindi": (_noto("Devanagari"), "निकास, प्रवेश, दवाखाना, भोजनालय, धूम्रपान निषेध, बंद, खुला, दूध, रोटी, पानी, बाज़ार, अस्पताल, सड़क,"
        " पुस्तकालय, आपातकालीन निकास, धक्का दें, खींचें, सावधान, रुकिए, मूल्य, बैंक, डाकघर, होटल, स्टेशन, रेलवे, चाय"),
    "Bengali": (_noto("Bengali"), "প্রস্থান, প্রবেশ, ঔষধালয়, খাবার, ধূমপান নিষেধ, বন্ধ, খোলা, দুধ, রুটি, পানি, বাজার, হাসপাতাল,"
        " রাস্তা, গ্রন্থাগার, জরুরি, সাবধান, মূল্য, ব্যাংক, ডাকঘর, হোটেল, স্টেশন, চা"),
    "Tamil": (_noto("Tamil"), "வெளியே, நுழைவு, மருந்தகம், உணவகம், மூடப்பட்டது, திறந்துள்ளது, பால், ரொட்டி, தண்ணீர், சந்தை, மருத்துவமனை,"
        " தெரு, நூலகம், அவசரம், தள்ளு, இழு, எச்சரிக்கை, நில், விலை, வங்கி, அஞ்சல், விடுதி"),
    "Thai": (["Loma.ttf", "Loma-Bold.ttf", "Garuda.ttf", "Garuda-Bold.ttf", "Waree.ttf", "Umpush.ttf", "NotoSansThai-Regular.ttf",
        "Loma.otf", "Garuda.otf", "Waree.otf", "Norasi.otf"],
        "ทางออก, ทางเข้า, ร้านขายยา, ร้านอาหาร, ห้ามสูบบุหรี่, ปิด, เปิด, นม, ขนมปัง, น้ำ, ตลาด, โรงพยาบาล, ถนน, ห้องสมุด, ทางหนีไฟ,"
        " ผลัก, ดึง, ระวัง, หยุด, ราคา, ธนาคาร, ไปรษณีย์, โรงแรม, สถานี, รถไฟ, ชา"),
    "Korean": (["wqy-microhei.ttc"], "출구, 입구, 약국, 식당, 금연, 닫힘, 열림, 우유, 빵, 물, 시장, 병원, 도로, 도서관, 비상구, 미세요, 당기세요, 주의, 정지, 가격,"
        " 은행, 우체국, 호텔, 역, 기차, 화장실, 커피, 이마트, 오이, 미국"),
    "Georgian": (["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "NotoSansGeorgian-Regular.ttf", "NotoSerifGeorgian-Regular.ttf"],
        "გასასვლელი, შესასვლელი, აფთიაქი, რესტორანი, დახურულია, ღიაა, რძე, პური, წყალი, ბაზარი, ქუჩა, ბანკი, ფოსტა, სასტუმრო,"
        " სადგური, ფასი, ჩაი, ყავა, მეტრო, თეატრი"),
    "Armenian": (["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "NotoSansArmenian-Regular.ttf", "NotoSerifArmenian-Regular.ttf"],
        "ԵԼՔ, ՄՈՒՏՔ, ԴԵՂԱՏՈՒՆ, ՌԵՍՏՈՐԱՆ, ՓԱԿ Է, ԲԱՑ Է, ԿԱԹ, ՀԱՑ, ՋՈՒՐ, ՇՈՒԿԱ, ՓՈՂՈՑ, ԲԱՆԿ, ՓՈՍՏ, ՀՅՈՒՐԱՆՈՑ, ԿԱՅԱՐԱՆ, ԳԻՆ, ԹԵՅ, ՍՈՒՐՃ,"
        " ՄԵՏՐՈ, ԹԱՏՐՈՆ"),
    "Japanese": (["ipag.ttf", "ipagp.ttf", "wqy-microhei.ttc"],
        "出口, 入口, 薬局, 食堂, 禁煙, 閉店, 営業中, 牛乳, パン, 水, 市場, 病院, 道路, 図書館, 非常口, 押す, 引く, 注意, 止まれ, 値段, 銀行, 郵便局, ホテル, 駅,"
        " お手洗い, コーヒー, ラーメン, ください"),
    "Latin capitals": (ORDINARY, "EXIT, TAXI, OPEN, MENU, CAFE, STOP, PIZZA, TOILET, METRO, MAX, ATM, COFFEE, BEACH, TEA, BAR, HOT,"
        " KEBAB, BOX OFFICE, MAP, TICKETS, EXIT B, CHECK IN, NO ENTRY, BANK, TOTAL, PATH, COAT, BATH, MEAT, CHEAP, CAMPING, TABAC,"
        " APOTHEKE, KINO, KAFFEE, KASSE, CAJA, BANCO, CASA, PATIO, TAPAS, XEROX, OXO, KIT KAT, TOP, CT, MRT, HOTEL, MACH MIT, CHAT,"
        " BAKERY, HARBOR, EMPTY, TAKE AWAY, BACK, OCTOBER, TATE, PIE, COM, TOBACCO, EXTRA, CHEMIST, TOM, PETRA, KETO, CEREAL"),
}  # fmt: skip
OWN = ("Japanese", "Latin capitals")


def sign(language: str, number: int, seed: int, half: str) -> tuple[list[str], bytes]:
    """What stands on a sign of one to three rows, perhaps with a price or a number, and a photo of it."""
    fonts, said = SIGNS[language]
    words = said.split(", ")[half == "odd" :: 2]
    random = np.random.default_rng((seed, number, *language.encode()))
    there = one_font(fonts, random)
    page = Page(900, int(random.integers(420, 700)), *colours(random))
    size = int(random.integers(48, 96))
    page.write(words[number % len(words)], there, size, random)
    for _ in range(random.integers(0, 3)):
        page.write(words[random.integers(len(words))], there, int(size * 0.6), random)
    if random.random() < 0.3:
        page.write(f"{price(random)} €" if random.random() < 0.5 else str(random.integers(1, 999)), ORDINARY,
                   int(size * 0.7), random)  # fmt: skip
    return page.rows, photographed(page.picture, random)


def read(local: LocalAssistant, language: str, seed: int, count: int, half: str) -> list[dict[str, Any]]:
    """What was found on each sign; kept, and read once."""
    place = FOLDER / f"scripts.{language}.{seed}.{half}.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    done = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    reader = local.assistant.reader
    assert reader is not None
    with place.open("a", encoding="utf-8") as file:
        for number in range(len(done), count):
            rows, photo = sign(language, number, seed, half)
            text = local.thread.run(reader.read(Ask(question="", photo=photo))).text
            found = {"rows": rows, "lines": [asdict(line) for line in text.lines], "form": text.form,
                     "missed": text.missed}  # fmt: skip
            done.append(json.dumps(found, ensure_ascii=False))
            file.write(done[-1] + "\n")
            file.flush()
    return [json.loads(one) for one in done[:count]]


def tell(language: str, photos: list[dict[str, Any]], *, show: bool) -> None:
    verdicts, wrong = [], 0
    for photo in photos:
        lines = tuple(lines_of(photo["lines"]))
        judged = judge(
            Request(Wanted.ALL), FoundText(lines=lines, missed=photo["missed"], form=photo["form"])
        )
        said = judged.parts[0].text if judged.parts else ""
        is_wrong = letters(said) != letters("\n".join(photo["rows"]))
        verdicts.append(judged.verdict)
        wrong += judged.verdict is Verdict.ANSWERED and is_wrong
        if show and (language in OWN) is not (judged.verdict is Verdict.ANSWERED):
            print(f"   {judged.verdict:<12} {said!r} for {photo['rows']}")
    shares = ", ".join(f"{one} {verdicts.count(one) / len(verdicts):.0%}" for one in Verdict)
    print(f"{language:<15} {len(photos)} photos: {shares}; ANSWERED wrongly {wrong / len(photos):.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--half", choices=("even", "odd"), default="even")
    parser.add_argument("--show", action="store_true", help="print what is not as it should be")
    parser.add_argument("--only", nargs="*", default=list(SIGNS))
    given = parser.parse_args()
    with LocalAssistant() as local:
        local.add_reader(threads=2)
        for language in given.only:
            tell(language, read(local, language, given.seed, given.count, given.half), show=given.show)


if __name__ == "__main__":
    main()

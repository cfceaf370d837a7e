"""What is fetched for each data set, and how it is known to be whole.

Addresses: visualqa.org/download.html and visualqa.org/vqa_v1_download.html (VQA), cocodataset.org (its photos), and
vizwiz.org/tasks-and-datasets/vqa (VizWiz). The authors publish no checksums. Those of VQA's files are the ones that
ParlAI checks its downloads with, those of COCO's photos the ones that LAVIS records; VizWiz's are known to nobody, so
that its archives are checked by their length and by the CRCs within. Test splits are left out: they have no answers.
"""

from __future__ import annotations

from dataclasses import dataclass

_VQA = "https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa"
_COCO = (
    "http://images.cocodataset.org/zips"  # its certificate is for another name; the checksum makes up for it
)
_VIZWIZ = "https://vizwiz.cs.colorado.edu/VizWiz_final"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One zip file; its files, of the kinds wanted, go into the folder `into` of the data set, without folders."""

    url: str
    into: str = "."
    photos: bool = False
    checksum: str | None = None  # as in "sha256:05a6..." or "md5:0da8..."

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The kinds of files that are taken out."""
        return (".jpg", ".jpeg", ".png") if self.photos else (".json",)

    @property
    def growth(self) -> int:
        """How much larger its contents are, about: JPEGs do not shrink in a zip, VQA's JSON does to a twentieth."""
        return 1 if self.photos else 20


_PHOTOS = (
    Archive(
        url=f"{_COCO}/train2014.zip",
        into="train2014",
        photos=True,
        checksum="md5:0da8c0bd3d6becc4dcb32757491aca88",
    ),
    Archive(
        url=f"{_COCO}/val2014.zip",
        into="val2014",
        photos=True,
        checksum="md5:a3d79f5ed8d289b7a7554ce06a5782b3",
    ),
)

DATA_SETS: dict[str, tuple[Archive, ...]] = {
    "vqa-v2": (
        Archive(
            url=f"{_VQA}/v2_Questions_Train_mscoco.zip",
            checksum="sha256:05a64b6e2582d06d7585f5429674a9a33851878be1bff9f8668cdcf792df611e",
        ),
        Archive(
            url=f"{_VQA}/v2_Questions_Val_mscoco.zip",
            checksum="sha256:e71f6c5c3e97a51d050f28243e262b28cd0c48d11a6b4632d769d30d3f93222a",
        ),
        Archive(
            url=f"{_VQA}/v2_Annotations_Train_mscoco.zip",
            checksum="sha256:fb101bcefe91422c543c2bb6d70af11eb3119d0ff745ae283d09acdf66250853",
        ),
        Archive(
            url=f"{_VQA}/v2_Annotations_Val_mscoco.zip",
            checksum="sha256:0caae7c8d1dafd852727f5ac046bc1efca9b72026bd6ffa34fc489f3a7b3291e",
        ),
        *_PHOTOS,
    ),
    "vqa-v1": (
        Archive(
            url=f"{_VQA}/Questions_Train_mscoco.zip",
            checksum="sha256:c3b2bb6155528eeae95e0a914af394d6f0d98f8f2b51012c44b27778e1a96707",
        ),
        Archive(
            url=f"{_VQA}/Questions_Val_mscoco.zip",
            checksum="sha256:e8839be5de2d711989bf0adc82e6717d1ce307d27c9b1dfb0abf413b79a5d4d0",
        ),
        Archive(
            url=f"{_VQA}/Annotations_Train_mscoco.zip",
            checksum="sha256:a5f5f97c162a4ad44896be08bac6deaa258aa3fec281afcc84fe85ae44cb1ebc",
        ),
        Archive(
            url=f"{_VQA}/Annotations_Val_mscoco.zip",
            checksum="sha256:29377c35186d90aeab3e61bdad890f51215d1f88b700bd22ef19004d73bf284f",
        ),
        *_PHOTOS,
    ),
    "vizwiz": (
        Archive(url=f"{_VIZWIZ}/vqa_data/Annotations.zip"),
        Archive(url=f"{_VIZWIZ}/images/train.zip", into="train", photos=True),
        Archive(url=f"{_VIZWIZ}/images/val.zip", into="val", photos=True),
    ),
}

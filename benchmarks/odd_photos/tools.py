"""Encoders that are commands: libjpeg-turbo, ImageMagick, GraphicsMagick, FFmpeg, libwebp, libvips, optimizers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

from PIL import Image

TIMEOUT_S = 60

# {png}, {ppm}, {jpg} and {webp} are the disc in a file of that kind; {out} is what is read.
COMMANDS: dict[str, tuple[str, ...]] = {
    "libjpeg-turbo cjpeg": (
        "cjpeg -quality 90 -outfile {out}.jpg {ppm}",
        "cjpeg -quality 85 -progressive -outfile {out}.jpg {ppm}",
        "cjpeg -quality 85 -optimize -restart 1 -outfile {out}.jpg {ppm}",
        "cjpeg -quality 85 -restart 3B -outfile {out}.jpg {ppm}",
        "cjpeg -quality 95 -rgb -outfile {out}.jpg {ppm}",
        "cjpeg -sample 1x2 -outfile {out}.jpg {ppm}",
        "cjpeg -sample 4x1 -outfile {out}.jpg {ppm}",
        "cjpeg -sample 4x2 -outfile {out}.jpg {ppm}",
        "cjpeg -sample 2x2,1x2,1x1 -outfile {out}.jpg {ppm}",
        "cjpeg -sample 1x1,2x2,2x2 -outfile {out}.jpg {ppm}",
        "cjpeg -sample 2x1,1x2,1x1 -outfile {out}.jpg {ppm}",
        "cjpeg -arithmetic -outfile {out}.jpg {ppm}",
        "cjpeg -arithmetic -progressive -outfile {out}.jpg {ppm}",
        "cjpeg -dct float -smooth 10 -quality 40 -baseline -outfile {out}.jpg {ppm}",
    ),
    "libjpeg-turbo jpegtran": (
        "jpegtran -progressive -copy all -outfile {out}.jpg {jpg}",
        "jpegtran -optimize -copy none -outfile {out}.jpg {jpg}",
        "jpegtran -arithmetic -outfile {out}.jpg {jpg}",
        "jpegtran -rotate 90 -trim -outfile {out}.jpg {jpg}",
        "jpegtran -restart 2 -outfile {out}.jpg {jpg}",
    ),
    "ImageMagick": (
        "convert {png} -quality 92 {out}.jpg",
        "convert {png} -interlace JPEG {out}.jpg",
        "convert {png} -sampling-factor 4:1:1 {out}.jpg",
        "convert {png} -sampling-factor 4:4:0 {out}.jpg",
        "convert {png} -colorspace CMYK {out}.jpg",
        "convert {png} -depth 16 {out}.png",
        "convert {png} -interlace PNG {out}.png",
        "convert {png} -colors 16 png8:{out}.png",
        "convert {png} -interlace PNG -colors 4 png8:{out}.png",
        "convert {png} -alpha set -channel A -evaluate set 60% +channel {out}.png",
        "convert {png} png64:{out}.png",
        "convert {png} png48:{out}.png",
        "convert {png} -transparent white {out}.png",
        "convert {png} -set comment hello -set Title Disc {out}.png",
        "convert {png} -define webp:lossless=true {out}.webp",
        "convert {png} -quality 30 {out}.webp",
    ),
    "GraphicsMagick": (
        "gm convert {png} {out}.jpg",
        "gm convert {png} -interlace Line {out}.jpg",
        "gm convert {png} -colorspace CMYK {out}.jpg",
        "gm convert {png} -depth 16 {out}.png",
        "gm convert {png} -interlace Line {out}.png",
        "gm convert {png} -colors 8 png8:{out}.png",
        "gm convert {png} {out}.webp",
    ),
    "FFmpeg": (
        "ffmpeg -v error -y -i {png} -frames:v 1 -q:v 3 {out}.jpg",
        "ffmpeg -v error -y -i {png} -frames:v 1 -pix_fmt yuvj444p {out}.jpg",
        "ffmpeg -v error -y -i {png} -frames:v 1 -pix_fmt yuvj422p -huffman default {out}.jpg",
        "ffmpeg -v error -y -i {png} -frames:v 1 -pix_fmt rgb48be {out}.png",
        "ffmpeg -v error -y -i {png} -frames:v 1 -pix_fmt pal8 {out}.png",
        "ffmpeg -v error -y -i {png} -frames:v 1 -pix_fmt rgba64be {out}.png",
        "ffmpeg -v error -y -loop 1 -i {png} -frames:v 3 -f apng {out}.png",
        "ffmpeg -v error -y -i {png} -frames:v 1 -c:v libwebp {out}.webp",
        "ffmpeg -v error -y -loop 1 -i {png} -frames:v 3 -c:v libwebp_anim {out}.webp",
    ),
    "libwebp": (
        "cwebp -quiet {png} -o {out}.webp",
        "cwebp -quiet -lossless {png} -o {out}.webp",
        "cwebp -quiet -near_lossless 40 {png} -o {out}.webp",
        "cwebp -quiet -partition_limit 50 -segments 1 -sharp_yuv {png} -o {out}.webp",
        "cwebp -quiet -alpha_q 30 -metadata all {png} -o {out}.webp",
        "webpmux -frame {webp} +100+0+0+1+b -frame {webp} +100+0+0+0-b -loop 2 -o {out}.webp",
    ),
    "libvips": (
        "vips copy {png} {out}.jpg[Q=90,interlace,optimize-coding]",
        "vips copy {png} {out}.jpg[subsample-mode=off,trellis-quant]",
        "vips copy {png} {out}.png[interlace]",
        "vips copy {png} {out}.png[palette,bitdepth=4]",
        "vips copy {png} {out}.webp[lossless]",
        "vips copy {png} {out}.webp[smart-subsample]",
    ),
    "ExifTool": (
        "exiftool -q -Orientation=Rotate90CW -Artist=Ann -o {out}.jpg {jpg}",
        "exiftool -q -XMP:Title=disc -IPTC:Keywords=disc -Comment=disc -o {out}.jpg {jpg}",
        "exiftool -q -GPSLatitude=52 -GPSLongitude=13 -XMP:Description={long} -o {out}.jpg {jpg}",
        "exiftool -q -Exif:Orientation#=6 -o {out}.png {png}",
        "exiftool -q -XMP:Title=disc -PNG:Comment=disc -o {out}.png {png}",
        "exiftool -q '-ThumbnailImage<={jpg}' -o {out}.jpg {jpg}",
    ),
    "OptiPNG": ("optipng -quiet -o1 {png} -out {out}.png", "optipng -quiet -i1 -o1 {png} -out {out}.png"),
    "Pngcrush": ("pngcrush -q {png} {out}.png", "pngcrush -q -m 4 {png} {out}.png"),
    "Zopfli": ("zopflipng --iterations=1 -y {png} {out}.png",),
    "pngquant": (
        "pngquant --force --output {out}.png 32 {png}",
        "pngquant --force --output {out}.png 3 {png}",
    ),
    "netpbm pnmtopng": (
        "pnmtopng -interlace {ppm} > {out}.png",
        "pnmtopng -gamma 0.45 -background white {ppm} > {out}.png",
        "pnmtopng -transparent white {ppm} > {out}.png",
    ),
    "jpegoptim": (
        "jpegoptim -q --stdout -m60 {jpg} > {out}.jpg",
        "jpegoptim -q --stdout --all-progressive {jpg} > {out}.jpg",
    ),
    "jpegqs": ("jpegqs {jpg} {out}.jpg",),
    "Guetzli": ("guetzli --quality 90 {jpg} {out}.jpg",),
}

Maker = Callable[[Image.Image, Random, Path], bytes]


def makers() -> dict[str, tuple[Maker, ...]]:
    """One function a command, by the encoder's name; of those that are installed."""
    return {
        name: tuple(_maker(command) for command in commands)
        for name, commands in COMMANDS.items()
        if shutil.which(commands[0].split()[0])
    }


def _maker(command: str) -> Maker:
    def make(picture: Image.Image, chance: Random, folder: Path) -> bytes:
        given = {
            kind: folder / f"disc.{kind}"
            for kind in ("png", "ppm", "jpg", "webp")
            if f"{{{kind}}}" in command
        }
        for kind, path in given.items():
            picture.save(path, quality=92) if kind in ("jpg", "webp") else picture.save(path)
        words = {kind: str(path) for kind, path in given.items()}
        line = command.format(out=folder / "out", long="x" * chance.randint(100, 60_000), **words)
        subprocess.run(["sh", "-c", line], check=True, capture_output=True, timeout=TIMEOUT_S)
        return next(folder.glob("out.*")).read_bytes()

    return make

#!/bin/sh
# The tests of ext with extensions that AddressSanitizer and UBSan watch. From the root: sh tests/ext/sanitized.sh
# PYTHON is an interpreter that has the tests' packages. Leaks are not looked for: the interpreter has its own.
# The bound of memory is not held to here: AddressSanitizer keeps what is freed.
# Nothing is captured, or what a sanitizer says as it ends the process would be lost.
set -eu
PYTHON=${PYTHON:-.venv/bin/python}
OUT=build/sanitized
FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
rm -rf "$OUT"
CFLAGS="$FLAGS -g -O1 -fno-omit-frame-pointer" LDFLAGS="$FLAGS" \
    "$PYTHON" -m pip --disable-pip-version-check install --quiet --no-deps --target "$OUT" .
export PYTHONPATH="$PWD/$OUT" ASAN_OPTIONS=detect_leaks=0
LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)"
export LD_PRELOAD
"$PYTHON" -c "import asksight.ext; assert 'sanitized' in asksight.ext.__file__"
"$(dirname "$PYTHON")/pytest" -s tests/ext --deselect tests/ext/test_ext_fuzz.py \
    --deselect tests/ext/test_ext_flood.py::test_a_flood_of_new_chunks_takes_bounded_memory_and_leaves_the_known_ones "$@"

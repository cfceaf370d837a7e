/* Any pixels through the C that measures photos: nothing may crash, leak, or read or write beyond what it was given.

       cc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Iext tests/ext/fuzz_photo.c -lm -o build/fuzz_photo
       build/fuzz_photo SECONDS [SEED]

   makes pictures itself; with Clang, -DLIBFUZZER -fsanitize=fuzzer,address makes a libFuzzer target of it. Every picture
   lies in a buffer of exactly its size. Results are checked too: they are in their range, and the same with wider vectors. */
#include <stdio.h>
#include <time.h>

#include "sharpness.h"
#include "shrink.h"
#include "surface.h"

#define CHECK(condition) \
    do { if (!(condition)) { fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); abort(); } } while (0)

enum { LONGEST_PX = 80, SMALL_BYTES = 3 * SURFACE_PX * SURFACE_PX };

static uint8_t *exactly(const uint8_t *data, size_t size, size_t wanted) {
    uint8_t *copy = (uint8_t *)malloc(wanted);
    CHECK(copy);
    for (size_t at = 0; at < wanted; at++)
        copy[at] = data[at % size];
    return copy;
}

static void check_grey(const uint8_t *grey, int64_t height, int64_t width) {
    Sharpness one, other;
    int shadows, highlights;
    grey_extremes(grey, height * width, &shadows, &highlights);
    CHECK(0 <= shadows && shadows <= highlights && highlights <= 255);
    CHECK(measure_sharpness(grey, height, width, &one) && measure_sharpness_wide(grey, height, width, &other));
    CHECK(one.upright == other.upright && one.least == other.least && one.evenness == other.evenness);
    CHECK(0 <= one.upright && one.upright <= 255.0 / FLAT_LEVELS && 0 <= one.least && one.least <= 255.0 / FLAT_LEVELS);
    CHECK(0 <= one.evenness && one.evenness <= 1);
    uint8_t *parts = (uint8_t *)malloc(SURFACE_PX * SURFACE_PX);
    CHECK(average_parts(grey, height, width, parts));
    double levels = surface_unevenness(parts, 1);
    CHECK(0 <= levels && levels <= 127.5);
    free(parts);
}

static void check_shrinking(const uint8_t *data, size_t size, int64_t height, int64_t width, uint64_t chance) {
    ColourShape shape = {height, width, chance & 1 ? 4 : 3};
    int64_t factor = 1 + (int64_t)(chance >> 1) % (chance & 64 ? 4 : MOST_SUMMED);
    int64_t high = (height + factor - 1) / factor, wide = (width + factor - 1) / factor;
    int64_t down = 1 + (int64_t)(chance >> 3) % height, across = 1 + (int64_t)(chance >> 5) % width;
    uint8_t *colours = exactly(data, size, (size_t)(height * width * shape.channels));
    uint8_t *grey = (uint8_t *)malloc((size_t)(high * wide)), *other = (uint8_t *)malloc((size_t)(high * wide));
    CHECK(shrink_to_grey(colours, shape, factor, grey) && shrink_to_grey_wide(colours, shape, factor, other));
    CHECK(!memcmp(grey, other, (size_t)(high * wide)));
    free(colours), free(grey), free(other);
    uint8_t *from = exactly(data, size, (size_t)(height * width)), *to = (uint8_t *)malloc((size_t)(down * across));
    uint8_t *twin = (uint8_t *)malloc((size_t)(down * across)), least = 255, most = 0;
    CHECK(shrink_grey(from, height, width, down, across, to));
    CHECK(shrink_grey_wide(from, height, width, down, across, twin));
    CHECK(!memcmp(to, twin, (size_t)(down * across)));
    for (int64_t at = 0; at < height * width; at++)
        least = least < from[at] ? least : from[at], most = most > from[at] ? most : from[at];
    for (int64_t at = 0; at < down * across; at++)
        CHECK(least <= to[at] && to[at] <= most);
    free(from), free(to), free(twin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3)
        return 0;
    int64_t height = 1 + data[0] % LONGEST_PX, width = 1 + data[1] % LONGEST_PX;
    data += 2, size -= 2;
    uint8_t *grey = exactly(data, size, (size_t)(height * width));
    check_grey(grey, height, width);
    free(grey);
    check_shrinking(data, size, height, width, data[0] * 257u);
    uint8_t *small = exactly(data, size, SMALL_BYTES);
    double levels = surface_unevenness(small, 3);
    CHECK(0 <= levels && levels <= 127.5);
    free(small);
    return 0;
}

#ifndef LIBFUZZER
static uint64_t next(uint64_t *state) {         /* xorshift64*, Vigna 2016 */
    *state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

int main(int count, char **arguments) {
    uint64_t state = (count > 2 ? strtoull(arguments[2], NULL, 10) : 1) * 0x9E3779B97F4A7C15ULL + 1, pictures = 0;
    time_t stop = time(NULL) + (count > 1 ? atoi(arguments[1]) : 30);
    for (; pictures % 64 || time(NULL) < stop; pictures++) {
        size_t size = 3 + next(&state) % (LONGEST_PX * LONGEST_PX);
        uint8_t *data = (uint8_t *)malloc(size), value = 0;
        uint64_t calm = next(&state) >> 33;     /* how seldom the pixels change, and by how much */
        for (size_t at = 0; at < size; at++) {
            uint64_t chance = next(&state) >> 33;
            if (at < 2 || chance % (1 + calm % 40) == 0)
                value = (uint8_t)(calm & 64 ? chance >> 8 : value + chance % (1 + (calm >> 8) % 40));
            data[at] = value;
        }
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    printf("%lu pictures, nothing wrong\n", (unsigned long)pictures);
    return 0;
}
#endif

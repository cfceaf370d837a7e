/* Grey and smaller copies of a picture, to the last bit as Pillow makes them; shrink_twin.py says in Python how.

   Rows are summed before columns wherever that rounds the same, since compilers vectorise it. Pixels lie row after row
   without gaps. */
#ifndef ASKSIGHT_SHRINK_H
#define ASKSIGHT_SHRINK_H

#include <stdint.h>
#include <stdlib.h>

#include "wide.h"

enum { MOST_SUMMED = 256, WEIGHT_BITS = 22 };   /* the sum of so many bytes fits 16 bits */

typedef struct {
    int64_t height, width;
    int channels;               /* 3, or 4 of which the last is nothing */
} ColourShape;

/* The sums of `rows` rows of `size` bytes, 1 to MOST_SUMMED. */
static inline void sum_rows(const uint8_t *restrict from, int64_t rows, int64_t size, uint16_t *restrict sums) {
    for (int64_t at = 0; at < size; at++)
        sums[at] = from[at];
    for (int64_t row = 1; row < rows; row++)
        for (int64_t at = 0; at < size; at++)
            sums[at] = (uint16_t)(sums[at] + from[row * size + at]);
}

/* What a sum of so many bytes is multiplied by for its average, in parts of 2^24; the rounding is Pillow's too. */
static inline uint32_t inverse_of(int64_t pixels) { return (uint32_t)(4294967296.0f / (float)(256 * pixels)); }

static inline void average_box(const uint16_t *restrict sums, int64_t rows, int64_t columns, int channels,
                               uint32_t inverse, uint8_t *restrict to) {
    uint32_t half = (uint32_t)(rows * columns / 2), all[4] = {half, half, half, half};
    for (int64_t column = 0; column < columns; column++)
        for (int channel = 0; channel < channels; channel++)
            all[channel] += sums[column * channels + channel];
    for (int channel = 0; channel < channels; channel++)
        to[channel] = (uint8_t)(all[channel] * inverse >> 24);
}

/* One row of boxes of `rows` by `factor` pixels, of which the last may be narrower. */
static inline void average_boxes(const uint16_t *restrict sums, int64_t rows, int64_t factor, int64_t width,
                                 int channels, uint8_t *restrict to) {
    int64_t whole = width / factor, rest = width % factor, step = factor * channels;
    uint32_t inverse = inverse_of(rows * factor);
    for (int64_t box = 0; box < whole; box++)
        average_box(sums + box * step, rows, factor, channels, inverse, to + box * channels);
    if (rest)
        average_box(sums + whole * step, rows, rest, channels, inverse_of(rows * rest), to + whole * channels);
}

/* The luma of ITU-R BT.601. */
static inline void grey_row(const uint8_t *restrict from, int64_t width, int channels, uint8_t *restrict to) {
    for (int64_t at = 0; at < width; at++, from += channels)
        to[at] = (uint8_t)((from[0] * 19595u + from[1] * 38470u + from[2] * 7471u + 0x8000u) >> 16);
}

/* Boxes of `factor` by `factor` pixels, 1 to MOST_SUMMED, are averaged by colour and made grey; those at the right and
   at the bottom may be smaller. 0 where there is no memory for two rows. */
static inline int shrink_to_grey(const uint8_t *from, ColourShape shape, int64_t factor, uint8_t *to) {
    int64_t size = shape.width * shape.channels, across = (shape.width + factor - 1) / factor;
    uint16_t *sums = (uint16_t *)malloc((size_t)size * (sizeof(uint16_t) + 1));
    if (!sums)
        return 0;
    uint8_t *averages = (uint8_t *)(sums + size);
    for (int64_t row = 0; row < shape.height; row += factor, to += across) {
        int64_t rows = shape.height - row < factor ? shape.height - row : factor;
        const uint8_t *colours = from + row * size;
        if (factor > 1) {
            sum_rows(colours, rows, size, sums);
            if (shape.channels == 4 && factor == 2)     /* each a loop of its own to the compiler */
                average_boxes(sums, rows, 2, shape.width, 4, averages);
            else if (shape.channels == 4 && factor == 3)
                average_boxes(sums, rows, 3, shape.width, 4, averages);
            else if (shape.channels == 4)
                average_boxes(sums, rows, factor, shape.width, 4, averages);
            else
                average_boxes(sums, rows, factor, shape.width, 3, averages);
            colours = averages;
        }
        if (shape.channels == 4)
            grey_row(colours, across, 4, to);
        else
            grey_row(colours, across, 3, to);
    }
    free(sums);
    return 1;
}

/* The pixels along one axis that are averaged for one place of a shorter one. */
typedef struct {
    int64_t first, count;
    uint32_t weight;            /* of each, in parts of 2^WEIGHT_BITS */
} Span;

/* Those whose middle lies in the place's part of the axis; the arithmetic is Pillow's, so that its ties are too. */
static inline Span span_of(int64_t side, int64_t places, int64_t place) {
    double scale = (double)side / (double)places, centre = ((double)place + 0.5) * scale, inverse = 1.0 / scale;
    int64_t from = (int64_t)(centre - 0.5 * scale + 0.5), to = (int64_t)(centre + 0.5 * scale + 0.5);
    from = from > 0 ? from : 0, to = to < side ? to : side;
    while (from + 1 < to && ((double)from - centre + 0.5) * inverse <= -0.5)
        from++;
    while (from + 1 < to && ((double)(to - 1) - centre + 0.5) * inverse > 0.5)
        to--;
    return (Span){from, to - from, (uint32_t)(0.5 + 1.0 / (double)(to - from) * (1 << WEIGHT_BITS))};
}

static inline uint8_t weighed(uint32_t sum, uint32_t weight) {
    return (uint8_t)((sum * weight + (1u << (WEIGHT_BITS - 1))) >> WEIGHT_BITS);
}

/* A grey picture [height, width] to [down, across], neither longer nor shorter than 1 / MOST_SUMMED. Each pixel is the
   average of a box, rounded along rows first. 0 where there is no memory. */
static inline int shrink_grey(const uint8_t *from, int64_t height, int64_t width, int64_t down, int64_t across,
                              uint8_t *to) {
    int64_t most = 1;
    uint32_t *weights = (uint32_t *)malloc((size_t)across * 2 * sizeof(uint32_t));
    uint8_t *narrow = (uint8_t *)malloc((size_t)(height * across));
    for (int64_t place = 0; weights && place < across; place++) {
        Span span = span_of(width, across, place);
        weights[place] = span.weight;
        weights[across + place] = (uint32_t)((span.count - 1) * width + span.first);
        most = most > span.count ? most : span.count;
    }
    /* By how many are added up, from 1, and where they begin; then the sums that are wanted, of rows or of columns. */
    uint16_t *sums = (uint16_t *)malloc((size_t)((most + 1) * width) * sizeof(uint16_t));
    int made = weights && narrow && sums;
    uint16_t *picked = made ? sums + most * width : NULL;
    for (int64_t row = 0; made && row < height; row++) {
        const uint8_t *pixels = from + row * width;
        for (int64_t at = 0; at < width; at++)
            sums[at] = pixels[at];
        for (int64_t more = 1; more < most; more++)
            for (int64_t at = 0; at + more < width; at++)
                sums[more * width + at] = (uint16_t)(sums[(more - 1) * width + at] + pixels[at + more]);
        for (int64_t place = 0; place < across; place++)
            picked[place] = sums[weights[across + place]];
        for (int64_t place = 0; place < across; place++)
            narrow[row * across + place] = weighed(picked[place], weights[place]);
    }
    for (int64_t place = 0; made && place < down; place++) {
        Span span = span_of(height, down, place);
        sum_rows(narrow + span.first * across, span.count, across, picked);
        for (int64_t at = 0; at < across; at++)
            to[place * across + at] = weighed(picked[at], span.weight);
    }
    free(sums), free(narrow), free(weights);
    return made;
}

WIDE_TWIN(shrink_to_grey, (const uint8_t *from, ColourShape shape, int64_t factor, uint8_t *to), (from, shape, factor, to))
WIDE_TWIN(shrink_grey, (const uint8_t *from, int64_t height, int64_t width, int64_t down, int64_t across, uint8_t *to),
          (from, height, width, down, across, to))

#endif

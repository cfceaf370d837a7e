/* How sharp a grey picture is, along four directions; photo_twin.py says in Python what is measured and why.

   All pixels are looked at eight or more at a time, as bytes: for the heights of edges, for how many of them are strong,
   and for which of these are taken. Only the edges that are taken, at most a thousand a direction, are climbed step by
   step. Sizes are in pixels; grey pictures lie row after row, without gaps. */
#ifndef ASKSIGHT_SHARPNESS_H
#define ASKSIGHT_SHARPNESS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wide.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "asksight.ext takes the first pixel of a word for its lowest byte; other machines need a byte swap in load_pixels"
#endif

enum {
    FAR_PX = 16, FAR_SLANTED_PX = FAR_PX * 5 / 7,
    MAX_EDGES = 1000, FEWEST_EDGES = 10, CLEAREST_PERCENT = 80,
    FLAT_LEVELS = 16,
    PIXELS_MARGIN = 8           /* bytes behind a buffer that are read as part of a word */
};

static const uint64_t EACH_BYTE = 0x0101010101010101ULL;

typedef struct {
    double upright, least, evenness;
} Sharpness;

typedef struct {
    const uint8_t *grey;
    int64_t height, width;
    int down, right, far;       /* an edge goes from a pixel to the one that is `far` such steps on */
} Direction;

static inline uint8_t apart(uint8_t one, uint8_t other) {
    uint8_t more = one > other ? one : other, less = one > other ? other : one;
    return (uint8_t)(more - less);
}

static inline uint64_t load_pixels(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

/* The edges' heights, at the place of the pixel where they begin, 0 where none does; how high the highest is. */
static inline uint8_t edge_heights(const Direction *way, uint8_t *restrict heights) {
    int64_t rows = way->height - way->far * way->down, columns = way->width - way->far * way->right;
    int64_t ahead = way->far * (way->down * way->width + way->right);
    uint8_t highest = 0;
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *from = way->grey + row * way->width, *to = from + ahead;
        uint8_t *height = heights + row * way->width;
        for (int64_t column = 0; column < columns; column++) {
            uint8_t one = apart(from[column], to[column]);
            height[column] = one;
            highest = highest > one ? highest : one;
        }
        memset(height + columns, 0, (size_t)(way->width - columns));
    }
    return highest;
}

/* The upper bit of each of eight bytes that is `least` or more, which is 1 to 128. */
static inline uint64_t strong_of(uint64_t heights, uint64_t least) {
    uint64_t low = 127 * EACH_BYTE;
    return (((heights & low) + (128 - least) * EACH_BYTE) | heights) & ~low;
}

static inline int64_t count_strong(const uint8_t *heights, int64_t size, uint64_t least) {
    int64_t count = 0;
    for (int64_t at = 0; at < size;) {
        int64_t words = (size - at + 7) / 8 < 255 ? (size - at + 7) / 8 : 255;   /* more would not fit their bytes */
        uint64_t sums = 0;
        for (int64_t word = 0; word < words; word++)
            sums += strong_of(load_pixels(heights + at + 8 * word), least) >> 7;
        sums = (sums & 0x00FF00FF00FF00FFULL) + (sums >> 8 & 0x00FF00FF00FF00FFULL);
        count += (int64_t)(sums * 0x0001000100010001ULL >> 48);
        at += 8 * words;
    }
    return count;
}

/* Every `stride`th strong edge from the first on, in the order of rows: where they begin. */
static inline int take_strong(const uint8_t *heights, int64_t size, uint64_t least, int64_t stride, int64_t *taken) {
    int64_t passing = 0;        /* strong edges to go by before the next is taken */
    int count = 0;
    for (int64_t at = 0; at < size; at += 8) {
        uint64_t strong = strong_of(load_pixels(heights + at), least) >> 7;
        int64_t here = (int64_t)(strong * EACH_BYTE >> 56);
        while (passing < here) {
            for (; passing; passing--, here--)
                strong &= strong - 1;
            taken[count++] = at + __builtin_ctzll(strong) / 8;
            passing = stride;
        }
        passing -= here;
    }
    return count;
}

/* For the strong edges of one direction, at most MAX_EDGES: the steepest step as a part of the edge. */
static inline int edge_shares(const Direction *way, uint8_t *heights, float *shares) {
    if (way->height <= way->far * way->down || way->width <= way->far * way->right)
        return 0;
    int64_t taken[MAX_EDGES], step = way->down * way->width + way->right;
    int64_t size = (way->height - way->far * way->down) * way->width;
    uint8_t highest = edge_heights(way, heights);
    memset(heights + size, 0, PIXELS_MARGIN);
    uint64_t least = (highest + 1) / 2 > FLAT_LEVELS ? (uint64_t)(highest + 1) / 2 : FLAT_LEVELS;
    int64_t stride = 1 + count_strong(heights, size, least) / MAX_EDGES;
    int count = take_strong(heights, size, least, stride, taken);
    for (int edge = 0; edge < count; edge++) {
        const uint8_t *pixel = way->grey + taken[edge];
        uint8_t steepest = 0;
        for (int far = way->far; far; far--, pixel += step) {
            uint8_t climbed = apart(pixel[0], pixel[step]);
            steepest = steepest > climbed ? steepest : climbed;
        }
        shares[edge] = (float)steepest / (float)heights[taken[edge]];
    }
    return count;
}

/* The share that is clearer than CLEAREST_PERCENT of them. Found by halving: floats of one sign sort as their bits. */
static inline double clearest(const float *shares, int count) {
    int32_t bits[2 * MAX_EDGES], least = INT32_MAX, most = 0, place = (count - 1) * CLEAREST_PERCENT / 100;
    float found;
    memcpy(bits, shares, (size_t)count * sizeof(float));
    for (int at = 0; at < count; at++) {
        least = least < bits[at] ? least : bits[at];
        most = most > bits[at] ? most : bits[at];
    }
    while (least < most) {
        int32_t middle = least + (most - least) / 2, below = 0;
        for (int at = 0; at < count; at++)
            below += bits[at] <= middle;
        if (below > place)
            most = middle;
        else
            least = middle + 1;
    }
    memcpy(&found, &least, sizeof(found));
    return found;
}

static inline void mirror_rows(const uint8_t *grey, int64_t height, int64_t width, uint8_t *mirrored) {
    for (int64_t row = 0; row < height; row++, grey += width, mirrored += width) {
        int64_t column = 0;
        for (; column + 8 <= width; column += 8) {
            uint64_t word = __builtin_bswap64(load_pixels(grey + width - 8 - column));
            memcpy(mirrored + column, &word, 8);
        }
        for (; column < width; column++)
            mirrored[column] = grey[width - 1 - column];
    }
}

/* 0 where there is no memory for two copies of the picture. */
static inline int measure_sharpness(const uint8_t *grey, int64_t height, int64_t width, Sharpness *own) {
    int64_t size = height * width;
    uint8_t *heights = (uint8_t *)malloc((size_t)(2 * size + PIXELS_MARGIN));
    if (!heights)
        return 0;
    uint8_t *mirrored = heights + size + PIXELS_MARGIN;
    mirror_rows(grey, height, width, mirrored);
    const Direction ways[4] = {
        {grey, height, width, 1, 0, FAR_PX},
        {grey, height, width, 0, 1, FAR_PX},
        {grey, height, width, 1, 1, FAR_SLANTED_PX},
        {mirrored, height, width, 1, 1, FAR_SLANTED_PX},
    };
    float shares[4 * MAX_EDGES];
    double told, most = 0;
    int upright = 0, directions = 0;
    own->least = INFINITY;
    for (int way = 0, from = 0, count; way < 4; way++, from += count) {
        count = edge_shares(&ways[way], heights, shares + from);
        upright += way < 2 ? count : 0;
        if (count < FEWEST_EDGES)
            continue;
        /* Diagonal neighbours are sqrt(2) px apart, so that their steps are as much higher. */
        told = way < 2 ? clearest(shares + from, count) : clearest(shares + from, count) / sqrt(2);
        own->least = own->least < told ? own->least : told;
        most = most > told ? most : told;
        directions++;
    }
    free(heights);
    own->upright = upright ? clearest(shares, upright) : 1.0;
    own->evenness = directions < 2 ? 1.0 : own->least / (most > 1e-6 ? most : 1e-6);
    own->least = directions < 2 ? own->upright : own->least;
    return 1;
}

WIDE_TWIN(measure_sharpness, (const uint8_t *grey, int64_t height, int64_t width, Sharpness *own),
          (grey, height, width, own))

#endif

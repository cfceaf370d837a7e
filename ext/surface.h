/* How light a grey picture is, and how far a picture is from one smooth surface; see photo_twin.py. */
#ifndef ASKSIGHT_SURFACE_H
#define ASKSIGHT_SURFACE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SURFACE_PX = 32 };

/* The grey values that 2 % and 98 % of the `size` pixels reach. */
static inline void grey_extremes(const uint8_t *grey, int64_t size, int *shadows, int *highlights) {
    uint64_t counts[4][256] = {{0}}, reached = 0;  /* four, since equal pixels in a row would wait for one another */
    int64_t at = 0;
    for (; at + 4 <= size; at += 4)
        for (int table = 0; table < 4; table++)
            counts[table][grey[at + table]]++;
    for (; at < size; at++)
        counts[0][grey[at]]++;
    *shadows = *highlights = -1;
    for (int value = 0; value < 256; value++) {
        for (int table = 0; table < 4; table++)
            reached += counts[table][value];
        if (*shadows < 0 && (double)reached >= 0.02 * (double)size)
            *shadows = value;
        if (*highlights < 0 && (double)reached >= 0.98 * (double)size)
            *highlights = value;
    }
}

/* What is left of a picture [32, 32, colours] without its smooth surface, a polynomial of degree two: the standard
   deviation, in levels, of the colour that has most.

   The discrete Chebyshev polynomials 1, 2x - 31 and x^2 - 31x + 155 are orthogonal on 0 to 31 (Szegő, Orthogonal
   Polynomials, 2.8), and so are their products in x and y. What a surface takes of the sum of squares is thus the sum of
   (picture * product)^2 / product^2, whose parts are whole numbers. */
static inline double surface_unevenness(const uint8_t *small, int colours) {
    const double norms[3] = {32.0, 10912.0, 185504.0};  /* the polynomials' sums of squares */
    double most = 0;
    for (int colour = 0; colour < colours; colour++) {
        int64_t squares = 0, parts[6] = {0};     /* 1, x, y, xx, xy, yy */
        for (int y = 0; y < SURFACE_PX; y++) {
            const uint8_t *row = small + colours * SURFACE_PX * y + colour;
            int32_t sums[3] = {0}, line = 0, slope = 2 * y - 31, bend = y * y - 31 * y + 155;
            for (int x = 0; x < SURFACE_PX; x++) {
                int32_t value = row[colours * x];
                sums[0] += value, sums[1] += value * (2 * x - 31), sums[2] += value * (x * x - 31 * x + 155);
                line += value * value;
            }
            squares += line;
            parts[0] += sums[0], parts[1] += sums[1], parts[2] += slope * sums[0];
            parts[3] += sums[2], parts[4] += slope * sums[1], parts[5] += bend * sums[0];
        }
        double left = (double)(1024 * squares - parts[0] * parts[0]) / 1024;     /* exact up to here */
        left -= ((double)(parts[1] * parts[1]) + (double)(parts[2] * parts[2])) / (norms[0] * norms[1]);
        left -= ((double)(parts[3] * parts[3]) + (double)(parts[5] * parts[5])) / (norms[0] * norms[2]);
        left -= (double)(parts[4] * parts[4]) / (norms[1] * norms[1]);
        most = most > left ? most : left;
    }
    return sqrt(most / (SURFACE_PX * SURFACE_PX));
}

/* The averages of 32 x 32 parts of a grey picture, of a pixel or more each; 0 where there is no memory for a row. */
static inline int average_parts(const uint8_t *grey, int64_t height, int64_t width, uint8_t *parts) {
    uint32_t *sums = (uint32_t *)malloc((size_t)width * sizeof(uint32_t));
    if (!sums)
        return 0;
    for (int64_t y = 0; y < SURFACE_PX; y++) {
        int64_t top = y * height / SURFACE_PX, bottom = (y + 1) * height / SURFACE_PX;
        bottom = bottom > top ? bottom : top + 1;
        memset(sums, 0, (size_t)width * sizeof(uint32_t));
        for (const uint8_t *row = grey + top * width; row < grey + bottom * width; row += width)
            for (int64_t column = 0; column < width; column++)
                sums[column] += row[column];
        for (int64_t x = 0; x < SURFACE_PX; x++) {
            int64_t left = x * width / SURFACE_PX, right = (x + 1) * width / SURFACE_PX;
            uint64_t sum = 0;
            right = right > left ? right : left + 1;
            for (int64_t column = left; column < right; column++)
                sum += sums[column];
            *parts++ = (uint8_t)(sum / (uint64_t)((bottom - top) * (right - left)));
        }
    }
    free(sums);
    return 1;
}

#endif

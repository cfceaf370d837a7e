/* Rows to vectors: gathered where they lie, converted where the table is of other numbers, zero where no token is.

   Two kinds of numbers, float and half (IEEE 754 binary16, as its bits). Halves are converted by the processor where
   it can (F16C, since 2012 on x86; always on 64-bit ARM), else by a table and by shifts, with the same results. */
#ifndef ASKSIGHT_GATHER_H
#define ASKSIGHT_GATHER_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define ASKSIGHT_F16C 1
#include <immintrin.h>
#endif

typedef struct {
    const void *table;          /* [V, width], float or half */
    int64_t width;
    int table_is_half, out_is_half, processor_converts;
    const float *halves;        /* [65536]: each half as a float */
} Gather;

static inline int processor_converts_halves(void) {
#ifdef ASKSIGHT_F16C
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
#else
    return 0;
#endif
}

/* The half nearest to a float, ties to even, as NumPy rounds; a NaN keeps the upper bits of its payload. */
static inline uint16_t half_of(float value) {
    uint32_t bits, rest, half;
    memcpy(&bits, &value, 4);
    uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
    if (size > 0x7F800000)                      /* NaN */
        return (uint16_t)(sign | 0x7C00 | 0x200 | (size >> 13 & 0x3FF));
    if (size >= 0x47800000)                     /* 65,536 and more, and what rounds to it */
        return (uint16_t)(sign | 0x7C00);
    if (size < 0x33000000)                      /* less than half of the smallest */
        return (uint16_t)sign;
    if (size < 0x38800000) {                    /* denormal: a multiple of 2^-24 */
        uint32_t shift = 126 - (size >> 23), mantissa = (size & 0x7FFFFF) | 0x800000;
        half = mantissa >> shift;
        rest = mantissa << (32 - shift);
    } else {
        half = (size - 0x38000000) >> 13;
        rest = size << 19;
    }
    half += rest > 0x80000000u || (rest == 0x80000000u && (half & 1));
    return (uint16_t)(sign | half);
}

#ifdef ASKSIGHT_F16C
__attribute__((target("avx2,f16c"))) static inline void
floats_of_halves_f16c(float *to, const uint16_t *from, int64_t count, const float *halves) {
    int64_t at = 0;
    for (; at + 8 <= count; at += 8)
        _mm256_storeu_ps(to + at, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + at))));
    for (; at < count; at++)
        to[at] = halves[from[at]];
}

__attribute__((target("avx2,f16c"))) static inline void
halves_of_floats_f16c(uint16_t *to, const float *from, int64_t count) {
    int64_t at = 0;
    for (; at + 8 <= count; at += 8)
        _mm_storeu_si128((__m128i *)(to + at), _mm256_cvtps_ph(_mm256_loadu_ps(from + at), _MM_FROUND_TO_NEAREST_INT));
    for (; at < count; at++)
        to[at] = half_of(from[at]);
}
#endif

static inline void floats_of_halves(const Gather *own, float *to, const uint16_t *from) {
#ifdef ASKSIGHT_F16C
    if (own->processor_converts) {
        floats_of_halves_f16c(to, from, own->width, own->halves);
        return;
    }
#endif
    for (int64_t at = 0; at < own->width; at++)
        to[at] = own->halves[from[at]];
}

static inline void halves_of_floats(const Gather *own, uint16_t *to, const float *from) {
#ifdef ASKSIGHT_F16C
    if (own->processor_converts) {
        halves_of_floats_f16c(to, from, own->width);
        return;
    }
#endif
    for (int64_t at = 0; at < own->width; at++)
        to[at] = half_of(from[at]);
}

/* One question: the vectors of `kept` rows, then zeros up to `tokens` vectors, to `out` [tokens, width]. */
static inline void gather_question(const Gather *own, const int32_t *rows, int64_t kept, int64_t tokens, void *out) {
    int64_t width = own->width, bytes = width * (own->out_is_half ? 2 : 4);
    char *to = (char *)out;
    for (int64_t token = 0; token < kept; token++, to += bytes) {
        int64_t start = (int64_t)rows[token] * width;
        if (own->table_is_half == own->out_is_half)
            memcpy(to, (const char *)own->table + start * (bytes / width), (size_t)bytes);
        else if (own->table_is_half)
            floats_of_halves(own, (float *)to, (const uint16_t *)own->table + start);
        else
            halves_of_floats(own, (uint16_t *)to, (const float *)own->table + start);
    }
    memset(to, 0, (size_t)((tokens - kept) * bytes));
}

#endif

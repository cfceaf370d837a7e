/* Chunks to rows: what one run of characters between white space was cut into, and where each token's vector lies.

   Two tables. `Primed` is filled before the first question and never changes: the vocabulary's plain words and the
   language's exceptions, one cache line's half each. `Seen` keeps what the slow path found since; its size is fixed.
   It is read by any number of threads without a lock and written by one at a time. A chunk that was asked for often,
   or of known words and marks, stays against any number of others that were not. */
#ifndef ASKSIGHT_CHUNKS_H
#define ASKSIGHT_CHUNKS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "asksight.ext packs chunks into little-endian words; other machines need a byte swap in load_word"
#endif

enum {
    PRIMED_BYTES = 16, PRIMED_ROWS = 3,
    SEEN_BYTES = 56, SEEN_ROWS = 12, SEEN_WAYS = 8, SEEN_SETS = 4096,   /* 32,768 chunks in 4 MiB, touched as used */
    SEEN_MOST_HITS = 15,        /* how firmly a chunk can sit */
    SEEN_KNOWN_HITS = 4,        /* how firmly one of known words sits from the start */
    SEEN_PATIENCE = 16          /* refused newcomers that loosen all chunks of a set by one hit */
};

typedef struct {
    uint64_t words[2];          /* the chunk, zero beyond its size */
    int32_t rows[PRIMED_ROWS];
    uint8_t size;               /* bytes; 0 where the slot is empty */
    uint8_t count;              /* tokens */
    uint8_t ends[2];            /* bytes from the chunk's start to the first and the second token's end */
} PrimedChunk;

typedef struct {
    uint64_t words[SEEN_BYTES / 8];
    int32_t rows[SEEN_ROWS];
    uint8_t ends[SEEN_ROWS];
    uint8_t size, count;
    uint8_t dependent;          /* neighbouring chunks may change its tokens: the whole text must be looked at */
    uint8_t spare[9];
} SeenChunk;                    /* 128 bytes */

typedef struct {
    uint32_t tags[SEEN_WAYS];   /* of the chunk's hash, never 0; 0 where the way is empty */
    uint32_t versions[SEEN_WAYS]; /* odd while its chunk is written */
    uint8_t hits[SEEN_WAYS];
    uint32_t refused;
    uint32_t spare[13];
    SeenChunk ways[SEEN_WAYS];
} SeenSet;

typedef struct {
    PrimedChunk *primed;
    uint64_t primed_mask;
    SeenSet *seen;
    uint64_t seed;              /* of the hashes, so that nobody outside can tell which chunks meet in one place */
} Chunks;

static inline uint64_t load_word(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

/* The first `size` bytes of 8; others are zero. */
static inline uint64_t load_bytes(const uint8_t *at, size_t size) {
    return size >= 8 ? load_word(at) : size ? load_word(at) & (~0ULL >> (64 - 8 * size)) : 0;
}

static inline uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
    return hash ^ hash >> 32;
}

static inline int chunks_make(Chunks *own, uint64_t room, uint64_t seed) {
    uint64_t slots = 16;
    while (slots < 2 * room)
        slots *= 2;
    own->primed_mask = slots - 1;
    own->seed = seed;
    own->primed = (PrimedChunk *)calloc(slots, sizeof(PrimedChunk));
    own->seen = (SeenSet *)calloc(SEEN_SETS, sizeof(SeenSet));
    return own->primed && own->seen;
}

static inline void chunks_free(Chunks *own) {
    free(own->primed);
    free(own->seen);
}

/* The primed chunk of `size` bytes, 1 to 16, or the empty slot where it would be. */
static inline PrimedChunk *primed_slot(const Chunks *own, uint64_t first, uint64_t second, size_t size) {
    uint64_t at = mix(mix(own->seed, first), second ^ size) & own->primed_mask;
    for (;;) {
        PrimedChunk *slot = own->primed + at;
        if (!slot->size || (slot->words[0] == first && slot->words[1] == second && slot->size == size))
            return slot;
        at = (at + 1) & own->primed_mask;
    }
}

/* `text` is readable for 8 bytes beyond the chunk. */
static inline uint64_t seen_hash(const Chunks *own, const uint8_t *text, size_t size, uint64_t *words) {
    uint64_t hash = own->seed ^ size;
    for (size_t at = 0; at < SEEN_BYTES / 8; at++) {
        words[at] = 8 * at < size ? load_bytes(text + 8 * at, size - 8 * at) : 0;
        hash = 8 * at < size ? mix(hash, words[at]) : hash;
    }
    return mix(hash, hash >> 7);
}

static inline uint8_t seen_hits(const SeenSet *set, int way) {
    return __atomic_load_n(&set->hits[way], __ATOMIC_RELAXED);
}

/* Copy what is known of a chunk of 1 to 56 bytes; 0 where nothing is. */
static inline int seen_find(const Chunks *own, const uint8_t *text, size_t size, SeenChunk *found) {
    uint64_t words[SEEN_BYTES / 8], copy[sizeof(SeenChunk) / 8];
    uint64_t hash = seen_hash(own, text, size, words);
    SeenSet *set = own->seen + hash % SEEN_SETS;
    uint32_t tag = (uint32_t)(hash >> 32) | 1;
    for (int way = 0; way < SEEN_WAYS; way++) {
        if (__atomic_load_n(&set->tags[way], __ATOMIC_RELAXED) != tag)
            continue;
        uint32_t version = __atomic_load_n(&set->versions[way], __ATOMIC_ACQUIRE);
        const uint64_t *from = (const uint64_t *)&set->ways[way];
        for (size_t at = 0; at < sizeof(SeenChunk) / 8; at++)
            copy[at] = __atomic_load_n(from + at, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (version & 1 || __atomic_load_n(&set->versions[way], __ATOMIC_RELAXED) != version)
            continue;           /* it is being replaced: as good as gone */
        memcpy(found, copy, sizeof(SeenChunk));
        if (found->size != size || memcmp(found->words, words, sizeof(words)))
            continue;
        uint8_t hits = seen_hits(set, way);
        if (hits < SEEN_MOST_HITS)
            __atomic_store_n(&set->hits[way], (uint8_t)(hits + 1), __ATOMIC_RELAXED);
        return 1;
    }
    return 0;
}

/* The way that a newcomer takes, or -1 where all are worth more. Readers may count hits meanwhile; one lost is none. */
static inline int seen_victim(SeenSet *set) {
    int victim = 0;
    for (int way = 0; way < SEEN_WAYS; way++) {
        if (!set->tags[way])
            return way;
        if (seen_hits(set, way) < seen_hits(set, victim))
            victim = way;
    }
    if (!seen_hits(set, victim))
        return victim;
    if (++set->refused >= SEEN_PATIENCE) {
        set->refused = 0;
        for (int way = 0; way < SEEN_WAYS; way++) {
            uint8_t hits = seen_hits(set, way);
            __atomic_store_n(&set->hits[way], (uint8_t)(hits - (hits > 0)), __ATOMIC_RELAXED);
        }
    }
    return -1;
}

/* Keep a chunk, whose `words` are filled in here from `text`. One thread at a time. */
static inline void seen_keep(Chunks *own, const uint8_t *text, SeenChunk *chunk, int known) {
    uint64_t hash = seen_hash(own, text, chunk->size, chunk->words), copy[sizeof(SeenChunk) / 8];
    SeenSet *set = own->seen + hash % SEEN_SETS;
    int way = seen_victim(set);
    if (way < 0)
        return;
    memcpy(copy, chunk, sizeof(SeenChunk));
    uint64_t *to = (uint64_t *)&set->ways[way];
    uint32_t version = set->versions[way];
    __atomic_store_n(&set->versions[way], version + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (size_t at = 0; at < sizeof(SeenChunk) / 8; at++)
        __atomic_store_n(to + at, copy[at], __ATOMIC_RELAXED);
    __atomic_store_n(&set->hits[way], (uint8_t)(known ? SEEN_KNOWN_HITS : 0), __ATOMIC_RELAXED);
    __atomic_store_n(&set->tags[way], (uint32_t)(hash >> 32) | 1, __ATOMIC_RELAXED);
    __atomic_store_n(&set->versions[way], version + 2, __ATOMIC_RELEASE);
}

#endif

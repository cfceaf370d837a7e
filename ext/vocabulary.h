/* Words to rows: an index over the words' UTF-8, which lie one after another in memory that somebody else keeps.

   Built once, then only read, so any number of threads may look words up. 8 bytes a slot, 1.25 to 2.5 slots a word,
   and 4 bytes a word for where it begins: 6 MB for 400,000 words. */
#ifndef ASKSIGHT_VOCABULARY_H
#define ASKSIGHT_VOCABULARY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t tag;   /* the upper half of the word's hash */
    uint32_t row;   /* plus 1; 0 where the slot is empty */
} VocabularySlot;

typedef struct {
    const uint8_t *text;
    uint32_t *starts;        /* [words + 1], in bytes; a word ends `gap` bytes before the next one begins */
    VocabularySlot *slots;
    uint64_t mask;           /* the number of slots, a power of two, less one */
    int64_t words;
    int64_t unknown_first;   /* the rows from here on are shared by all other words */
    uint64_t unknown_rows;
    uint32_t gap;            /* 1 where a newline stands between words, else 0 */
} Vocabulary;

enum { BLOCK = 64 };             /* words indexed at a time */
#define FNV_START 0xCBF29CE484222325ULL

static inline uint64_t fnv1a_next(uint64_t value, uint8_t byte) {
    return (value ^ byte) * 0x100000001B3ULL;
}

static inline uint64_t fnv1a(const uint8_t *text, size_t size) {
    uint64_t value = FNV_START;
    for (size_t at = 0; at < size; at++)
        value = fnv1a_next(value, text[at]);
    return value;
}

/* FNV's low bits are its best ones, and attackers can choose them; the tag and the bytes are compared all the same. */
static inline uint64_t vocabulary_slot(const Vocabulary *own, uint64_t hash) {
    return (hash ^ hash >> 29) & own->mask;
}

/* The row of a word, or -1 where it has none. */
static inline int64_t vocabulary_find(const Vocabulary *own, uint64_t hash, const uint8_t *word, size_t size) {
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint64_t at = vocabulary_slot(own, hash); own->slots[at].row; at = (at + 1) & own->mask) {
        if (own->slots[at].tag != tag)
            continue;
        uint32_t row = own->slots[at].row - 1, start = own->starts[row];
        if (own->starts[row + 1] - own->gap - start == size && !memcmp(own->text + start, word, size))
            return row;
    }
    return -1;
}

/* Any word's row: its own, or the shared one that its hash chooses. */
static inline int32_t vocabulary_row(const Vocabulary *own, const uint8_t *word, size_t size) {
    uint64_t hash = fnv1a(word, size);
    int64_t row = vocabulary_find(own, hash, word, size);
    return (int32_t)(row >= 0 ? row : own->unknown_first + (int64_t)(hash % own->unknown_rows));
}

/* Index the words, whose `starts` are filled in. Gives -1; or -2 without memory; or the row of a word that stood
   in an earlier row already, which `*first` then names. */
static inline int64_t vocabulary_build(Vocabulary *own, int64_t *first) {
    uint64_t slots = 4;                         /* one must stay empty */
    while (4 * slots < 5 * (uint64_t)own->words)
        slots *= 2;
    own->mask = slots - 1;
    own->slots = (VocabularySlot *)calloc(slots, sizeof(VocabularySlot));
    if (!own->slots)
        return -2;
    uint64_t hashes[BLOCK];
    for (int64_t row = 0; row < own->words; row++) {
        if (row % BLOCK == 0)                   /* fetch what the next words need while they are hashed */
            for (int64_t next = 0; next < BLOCK && row + next < own->words; next++) {
                const uint32_t *start = own->starts + row + next;
                hashes[next] = fnv1a(own->text + start[0], start[1] - own->gap - start[0]);
                __builtin_prefetch(own->slots + vocabulary_slot(own, hashes[next]), 1);
            }
        uint64_t hash = hashes[row % BLOCK];
        const uint32_t *start = own->starts + row;
        *first = vocabulary_find(own, hash, own->text + start[0], start[1] - own->gap - start[0]);
        if (*first >= 0)
            return row;
        uint64_t at = vocabulary_slot(own, hash);
        while (own->slots[at].row)
            at = (at + 1) & own->mask;
        own->slots[at].tag = (uint32_t)(hash >> 32);
        own->slots[at].row = (uint32_t)row + 1;
    }
    return -1;
}

static inline void vocabulary_free(Vocabulary *own) {
    free(own->starts);
    free(own->slots);
}

#endif

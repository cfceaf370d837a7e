/* One text to rows: white space as spaCy takes it, each chunk looked up. What is not known is left to the slow path.

   A reader works on a copy of the text with READER_MARGIN zero bytes behind it, so that it may load whole words.
   It stops at a chunk that it does not know and goes on behind it when told the chunk's rows. */
#ifndef ASKSIGHT_READER_H
#define ASKSIGHT_READER_H

#include "chunks.h"
#include "vocabulary.h"

enum { READER_MARGIN = 64, PLAIN_BYTES = 64, READ_ALL = 0, READ_UNKNOWN = 1, READ_DEPENDENT = 2 };

typedef struct {
    Vocabulary vocabulary;
    Chunks chunks;
    uint8_t kinds[256];         /* what a byte may be: see below */
    int32_t marks[128];         /* rows of the marks that end a plain word */
    int plain;                  /* whether ASCII letters alone are one token, unless primed */
    int lower;                  /* whether words are looked up in lower case */
} Tables;

enum { KIND_LETTER = 1, KIND_MARK = 2, KIND_SPACE = 4 };

typedef struct {
    const uint8_t *text, *end;  /* the copy */
    const uint8_t *at;          /* read so far */
    const uint8_t *chunk;       /* where it stopped: from here to `at` */
    int32_t *rows;              /* the first `room` of them are kept */
    uint32_t *spans;            /* NULL, or two for each row: where the token begins and ends, in bytes of the text */
    const uint8_t *done;        /* what follows here is the next token's */
    int64_t room, count, most;  /* `most` tokens are enough: no chunk is begun after them */
} Reader;

/* `copy` has room for READER_MARGIN bytes more than the text; `rows` for `room`. */
static inline void start_reading(Reader *own, uint8_t *copy, const uint8_t *text, size_t size, int32_t *rows,
                                 int64_t room) {
    memcpy(copy, text, size);
    memset(copy + size, 0, READER_MARGIN);
    *own = (Reader){.text = copy, .end = copy + size, .at = copy, .rows = rows, .room = room, .most = INT64_MAX};
}

/* Bytes of the white space character at `at`, or 0. The text is valid UTF-8. */
static inline int space_at(const Tables *own, const uint8_t *at) {
    if (*at < 0x80)
        return own->kinds[*at] & KIND_SPACE ? 1 : 0;
    switch (*at) {
    case 0xC2:                  /* U+0085, U+00A0 */
        return at[1] == 0x85 || at[1] == 0xA0 ? 2 : 0;
    case 0xE1:                  /* U+1680 */
        return at[1] == 0x9A && at[2] == 0x80 ? 3 : 0;
    case 0xE2:                  /* U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F */
        if (at[1] == 0x81)
            return at[2] == 0x9F ? 3 : 0;
        return at[1] == 0x80 && ((at[2] >= 0x80 && at[2] <= 0x8A) || at[2] == 0xA8 || at[2] == 0xA9 || at[2] == 0xAF) ? 3 : 0;
    case 0xE3:                  /* U+3000 */
        return at[1] == 0x80 && at[2] == 0x80 ? 3 : 0;
    default:
        return 0;
    }
}

/* Where the chunk ends that begins at `at`; eight bytes a turn while they are letters, marks and digits. */
static inline const uint8_t *chunk_end(const Tables *own, const uint8_t *at, const uint8_t *end) {
    const uint64_t ones = 0x0101010101010101ULL, tops = 0x8080808080808080ULL;
    for (;;) {
        uint64_t word = load_word(at);
        uint64_t stops = (((word - 0x21 * ones) & ~word) | word) & tops;  /* its first one: below U+0021, or no ASCII */
        if (!stops) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(stops) >> 3;
        if (at >= end)
            return end;
        if (space_at(own, at))
            return at;
        at++;
    }
}

static inline const uint8_t *spaces_end(const Tables *own, const uint8_t *at, const uint8_t *end) {
    int size;
    while (at < end && (size = space_at(own, at)))
        at += size;
    return at;
}

static inline void reader_token(Reader *own, int32_t row, const uint8_t *end) {
    if (own->count < own->room) {
        own->rows[own->count] = row;
        if (own->spans) {
            own->spans[2 * own->count] = (uint32_t)(own->done - own->text);
            own->spans[2 * own->count + 1] = (uint32_t)(end - own->text);
        }
    }
    own->done = end;
    own->count++;
}

static inline int32_t plain_row(const Tables *own, const uint8_t *word, size_t size) {
    uint8_t lowered[PLAIN_BYTES];
    if (!own->lower)
        return vocabulary_row(&own->vocabulary, word, size);
    for (size_t at = 0; at < size; at++)
        lowered[at] = word[at] | 32;            /* they are letters */
    return vocabulary_row(&own->vocabulary, lowered, size);
}

static inline void read_primed(Reader *own, const PrimedChunk *chunk, const uint8_t *start) {
    for (int token = 0; token < chunk->count; token++)
        reader_token(own, chunk->rows[token],
                     start + (token + 1 < chunk->count ? chunk->ends[token] : chunk->size));
}

/* ASCII letters and perhaps a mark that ends them: no pattern of the language can cut these otherwise. */
static inline int read_plain(const Tables *own, Reader *reader, const uint8_t *start, size_t size) {
    size_t letters = 0;
    while (letters < size && own->kinds[start[letters]] & KIND_LETTER)
        letters++;
    if (!letters || letters > PLAIN_BYTES || letters + 1 < size || (letters < size && !(own->kinds[start[letters]] & KIND_MARK)))
        return 0;
    const PrimedChunk *word = NULL;
    if (letters < size && letters <= PRIMED_BYTES) {
        word = primed_slot(&own->chunks, load_bytes(start, letters), letters > 8 ? load_bytes(start + 8, letters - 8) : 0,
                           letters);
        word = word->size ? word : NULL;
    }
    if (word)
        read_primed(reader, word, start);
    else
        reader_token(reader, plain_row(own, start, letters), start + letters);
    if (letters < size)
        reader_token(reader, own->marks[start[letters]], start + size);
    return 1;
}

/* The tokens of the chunk from reader->chunk to reader->at; anything but READ_ALL leaves the reader as it was. */
static inline int read_chunk(const Tables *own, Reader *reader) {
    const uint8_t *start = reader->chunk;
    size_t size = (size_t)(reader->at - start);
    SeenChunk seen;
    if (size <= PRIMED_BYTES) {
        const PrimedChunk *chunk =
            primed_slot(&own->chunks, load_bytes(start, size), size > 8 ? load_bytes(start + 8, size - 8) : 0, size);
        if (chunk->size) {
            read_primed(reader, chunk, start);
            return READ_ALL;
        }
    }
    if (own->plain && read_plain(own, reader, start, size))
        return READ_ALL;
    if (size > SEEN_BYTES || !seen_find(&own->chunks, start, size, &seen))
        return READ_UNKNOWN;
    if (seen.dependent)
        return READ_DEPENDENT;
    for (int token = 0; token < seen.count; token++)
        reader_token(reader, seen.rows[token], start + seen.ends[token]);
    return READ_ALL;
}

/* Read on. READ_ALL: the text is done, or has given `most` tokens. READ_UNKNOWN: the chunk from `chunk` to `at` is not known; add its tokens and
   call again. READ_DEPENDENT: the whole text must be cut at once. */
static inline int read_on(const Tables *own, Reader *reader) {
    while (reader->at < reader->end && reader->count < reader->most) {
        const uint8_t *start = reader->at;
        if (space_at(own, start)) {
            reader->at = spaces_end(own, start, reader->end);
            if (*start == ' ' && start != reader->text)
                start++;        /* the blank that ends the chunk before it */
            if (start == reader->at)
                continue;
        } else {
            reader->at = chunk_end(own, start, reader->end);
        }
        reader->chunk = reader->done = start;
        int status = read_chunk(own, reader);
        if (status != READ_ALL)
            return status;
    }
    return READ_ALL;
}

#endif

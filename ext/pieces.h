/* One text to rows of WordPiece: characters to words (characters.h), each word cut greedily into the longest pieces.

   Pieces within a word are in the vocabulary with "##" before them. A word that cannot be cut so, or of over
   WORD_CHARACTERS characters, is the unknown row, whole. Nothing is allocated. The time for a text of n bytes is
   O(n) and at most `most` + 1 words of WORD_CHARACTERS times the longest piece. */
#ifndef ASKSIGHT_PIECES_H
#define ASKSIGHT_PIECES_H

#include "characters.h"
#include "vocabulary.h"

enum { WORD_CHARACTERS = 100, WORD_BYTES = WORD_CHARACTERS * CHARACTER_BYTES, INNER_BYTES = 2 };

typedef struct {
    Vocabulary vocabulary;
    Characters characters;
    uint8_t letters[128];       /* what an ASCII character becomes in a word; 0 where that is more than one byte */
    uint64_t inner;             /* the hash of "##" */
    size_t longest;             /* bytes of the vocabulary's longest word */
    int32_t unknown;
} Pieces;

typedef struct {
    const uint8_t *at, *end;    /* read up to `at` */
    int32_t *rows;              /* the first `room` of them are kept */
    int64_t room, count, most;  /* `most` pieces are enough: no word is begun after them */
    uint64_t hash;              /* of the word so far */
    size_t size, run;           /* of it: its bytes; where its last marks begin that can change places */
    int64_t characters;
    uint8_t *word;              /* in `buffer`, where "##" is written over what was before a piece */
    uint8_t buffer[INNER_BYTES + WORD_BYTES];
} PieceReader;

/* After the vocabulary was built. */
static inline void pieces_make(Pieces *own) {
    own->inner = fnv1a((const uint8_t *)"##", INNER_BYTES);
    for (int64_t row = 0; row < own->vocabulary.words; row++) {
        const uint32_t *start = own->vocabulary.starts + row;
        size_t size = start[1] - own->vocabulary.gap - start[0];
        own->longest = size > own->longest ? size : own->longest;
    }
    for (uint32_t code = 0; code < 128; code++) {
        uint16_t entry = character_entry(&own->characters, code);
        uint32_t becomes = entry % CHARACTER_KINDS == CHARACTER_KEPT ? code : 0;
        if (entry % CHARACTER_KINDS == CHARACTER_MAPPED)        /* a capital: one character each */
            becomes = own->characters.mapped[own->characters.starts[entry / CHARACTER_KINDS]];
        own->letters[code] = becomes < 128 ? (uint8_t)becomes : 0;
    }
}

static inline void start_pieces(PieceReader *own, const uint8_t *text, size_t size, int32_t *rows, int64_t room,
                                int64_t most) {
    own->at = text, own->end = text + size, own->rows = rows, own->room = room, own->most = most;
    own->word = own->buffer + INNER_BYTES;
    own->count = own->characters = 0, own->size = own->run = 0, own->hash = FNV_START;
}

static inline void add_row(PieceReader *own, int32_t row) {
    if (own->count < own->room)
        own->rows[own->count] = row;
    own->count++;
}

/* The longest piece that begins at `start` of the word: its row, and its end to `*end`; -1 where there is none. */
static inline int64_t longest_piece(const Pieces *own, PieceReader *reader, size_t start, size_t *end) {
    uint64_t hashes[WORD_BYTES], hash = start ? own->inner : FNV_START;
    size_t before = start ? INNER_BYTES : 0, stop = start + (own->longest > before ? own->longest - before : 0);
    uint8_t *word = reader->word + start;
    stop = stop < reader->size ? stop : reader->size;
    for (size_t at = start; at < stop; at++)
        hashes[at] = hash = fnv1a_next(hash, reader->word[at]);
    if (start)
        memcpy(word - INNER_BYTES, "##", INNER_BYTES);
    for (size_t at = stop; at > start; at--) {
        if (at < reader->size && (reader->word[at] & 0xC0) == 0x80)
            continue;           /* within a character */
        int64_t row = vocabulary_find(&own->vocabulary, hashes[at - 1], word - before, at - start + before);
        if (row >= 0) {
            *end = at;
            return row;
        }
    }
    return -1;
}

static inline void cut_word(const Pieces *own, PieceReader *reader) {
    int64_t count = reader->count;
    for (size_t start = 0; start < reader->size;) {
        int64_t row = longest_piece(own, reader, start, &start);
        if (row < 0) {
            reader->count = count;
            add_row(reader, own->unknown);
            return;
        }
        add_row(reader, (int32_t)row);
    }
}

static inline void end_word(const Pieces *own, PieceReader *reader) {
    if (!reader->characters)
        return;
    if (reader->characters > WORD_CHARACTERS) {
        add_row(reader, own->unknown);
    } else {
        int64_t row = vocabulary_find(&own->vocabulary, reader->hash, reader->word, reader->size);
        if (row >= 0)
            add_row(reader, (int32_t)row);
        else
            cut_word(own, reader);
    }
    reader->characters = 0, reader->size = reader->run = 0, reader->hash = FNV_START;
}

static inline void add_character(PieceReader *own, uint32_t code) {
    if (own->characters++ >= WORD_CHARACTERS)
        return;
    size_t start = own->size;
    own->size += (size_t)character_write(own->word + start, code);
    for (size_t at = start; at < own->size; at++)
        own->hash = fnv1a_next(own->hash, own->word[at]);
    own->run = own->size;
}

/* A mark goes before those of a higher combining class that stand directly before it (Unicode, D109). */
static inline void add_mark(const Pieces *own, PieceReader *reader, uint32_t code, unsigned class) {
    size_t run = reader->run, at = reader->size, place = at;
    add_character(reader, code);
    reader->run = run;
    if (reader->characters > WORD_CHARACTERS)
        return;
    while (place > run) {
        size_t start = place - 1;
        uint32_t other;
        while (start > run && (reader->word[start] & 0xC0) == 0x80)
            start--;
        character_read(reader->word + start, reader->word + place, &other);
        if (character_entry(&own->characters, other) / CHARACTER_KINDS <= class)
            break;
        place = start;
    }
    if (place == at)
        return;
    memmove(reader->word + place + (reader->size - at), reader->word + place, at - place);
    character_write(reader->word + place, code);
    reader->hash = fnv1a(reader->word, reader->size);
}

static inline void add_mapped(const Pieces *own, PieceReader *reader, unsigned text) {
    const Characters *table = &own->characters;
    for (unsigned at = table->starts[text]; at < table->starts[text + 1]; at++) {
        uint16_t entry = character_entry(table, table->mapped[at]);
        if (entry % CHARACTER_KINDS == CHARACTER_MARK)
            add_mark(own, reader, table->mapped[at], entry / CHARACTER_KINDS);
        else
            add_character(reader, table->mapped[at]);
    }
}

/* A syllable's letters: Unicode, section 3.12. */
static inline void add_hangul(PieceReader *own, uint32_t code) {
    uint32_t number = code - 0xAC00;
    add_character(own, 0x1100 + number / 588);
    add_character(own, 0x1161 + number % 588 / 28);
    if (number % 28)
        add_character(own, 0x11A7 + number % 28);
}

static inline void read_character(const Pieces *own, PieceReader *reader) {
    uint32_t code;
    reader->at = character_read(reader->at, reader->end, &code);
    uint16_t entry = character_entry(&own->characters, code);
    unsigned value = entry / CHARACTER_KINDS;
    switch (entry % CHARACTER_KINDS) {
    case CHARACTER_KEPT:
        add_character(reader, code);
        break;
    case CHARACTER_BREAK:
        reader->run = reader->size;
        break;
    case CHARACTER_MARK:
        add_mark(own, reader, code, value);
        break;
    case CHARACTER_SPACE:
        end_word(own, reader);
        break;
    case CHARACTER_ALONE:
        end_word(own, reader);
        if (reader->count >= reader->most)
            break;
        if (value)
            add_mapped(own, reader, value);
        else
            add_character(reader, code);
        end_word(own, reader);
        break;
    case CHARACTER_MAPPED:
        add_mapped(own, reader, value);
        break;
    case CHARACTER_HANGUL:
        add_hangul(reader, code);
        break;
    }
}

/* Read to the end, or until there are `most` pieces or more. */
static inline void read_pieces(const Pieces *own, PieceReader *reader) {
    while (reader->at < reader->end && reader->count < reader->most) {
        const uint8_t *at = reader->at, *end = reader->end;
        uint8_t letter;
        size_t size = reader->size;
        uint64_t hash = reader->hash;
        int64_t left = reader->characters < WORD_CHARACTERS ? WORD_CHARACTERS - reader->characters : 0;
        if (left < end - at)
            end = at + left;
        while (at < end && *at < 128 && (letter = own->letters[*at])) {
            reader->word[size++] = letter;
            hash = fnv1a_next(hash, letter);
            at++;
        }
        if (at == reader->at) {
            read_character(own, reader);
            continue;
        }
        reader->characters += at - reader->at;
        reader->size = reader->run = size, reader->hash = hash, reader->at = at;
    }
    if (reader->count < reader->most)
        end_word(own, reader);
}

#endif

/* Any bytes through the C of word pieces: nothing may crash, or read or write beyond what it was given.

       cc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -pthread -Iext tests/ext/fuzz_pieces.c -o build/fuzz_pieces
       build/fuzz_pieces SECONDS [SEED]

   makes texts itself; with Clang, -DLIBFUZZER -fsanitize=fuzzer,address makes a libFuzzer target of it. Every buffer has
   exactly the size that it needs. The characters' table is one of this file's own, in which all kinds are met often.
   Results are checked too: rows are rows, a reading that stops early gives the beginning of one that does not. */
#include <stdio.h>
#include <time.h>

#include "pieces.h"

#define CHECK(condition) \
    do { if (!(condition)) { fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); abort(); } } while (0)

enum { WORDS = 16, LONGEST = 700, TEXTS = 4, TABLE_BLOCKS = 3 };

static const char WORD_TEXT[] =
    "[UNK]\nwhat\nis\n##is\nw\n##h\n##a\n##t\n?\n\xe4\xb8\xad\n\xc3\xa9\n##\xc3\xa9\n\xe1\x84\x80\n##\xe1\x85\xa1\na\n##aaaa\n";
static const char *const PARTS[] = {
    "what", "is", "WHAT", "isis", "?", " ", "\t", "\xe4\xb8\xad", "\xc3\xa9", "\xc3\x89", "\xea\xb0\x80", "\xea\xb0\x81",
    "\xe2\x80", "\xe2", "\xc2", "\xff", "\xf0\x9d\x85\xa5", "\xf0\x9d\x85\xad", "\xf0\x9d\x85\x9e", "\xcc\x81", "\xf7\xbf\xbf\xbf",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\x80", "\xc0\x80", "\xf4\x8f\xbf\xbf", "\xed\xa0\x80", "#",
};
static uint16_t blocks[0x110000 / CHARACTER_BLOCK], entries[TABLE_BLOCKS * CHARACTER_BLOCK];
static const uint16_t starts[TEXTS + 2] = {0, 0, 1, 3, 6, 6};
static const uint32_t mapped[6] = {'a', 0x1D158, 0x1D165, 0x1D157, 0x1D16E, 0x1D165};
static Pieces pieces;

/* ASCII nearly as it is; above it, a character's kind and value are told by its number. */
static void make_pieces(void) {
    int64_t first;
    for (int code = 0; code < CHARACTER_BLOCK; code++) {
        int capital = code >= 'A' && code <= 'Z', space = code == ' ' || code == '\t', letter = (code | 32) >= 'a' && (code | 32) <= 'z';
        entries[code] = (uint16_t)(capital   ? CHARACTER_MAPPED | 1 << 3
                                   : space   ? CHARACTER_SPACE
                                   : letter  ? CHARACTER_KEPT
                                   : code < 32 ? CHARACTER_DROPPED
                                               : CHARACTER_ALONE);
        int kind = code % 8, value = kind == CHARACTER_MARK  ? 1 + code % 5 * 60
                                     : kind == CHARACTER_ALONE  ? code / 8 % 2
                                     : kind == CHARACTER_MAPPED ? 1 + code / 8 % TEXTS
                                                                : 0;
        if (kind == CHARACTER_HANGUL)
            kind = CHARACTER_KEPT;
        entries[CHARACTER_BLOCK + code] = (uint16_t)(kind | value << 3);
        entries[2 * CHARACTER_BLOCK + code] = CHARACTER_HANGUL;
    }
    for (uint32_t block = 1; block < 0x110000 / CHARACTER_BLOCK; block++)
        blocks[block] = block >= 0xAC00 / CHARACTER_BLOCK && block < 0xD780 / CHARACTER_BLOCK ? 2 : 1;
    pieces.characters = (Characters){.blocks = blocks, .entries = entries, .starts = starts, .mapped = mapped};
    pieces.vocabulary.text = (const uint8_t *)WORD_TEXT;
    pieces.vocabulary.words = WORDS, pieces.vocabulary.gap = 1;
    pieces.vocabulary.starts = (uint32_t *)calloc(WORDS + 1, sizeof(uint32_t));
    for (uint32_t at = 0, word = 0; at < sizeof(WORD_TEXT) - 1; at++)
        if (WORD_TEXT[at] == '\n')
            pieces.vocabulary.starts[++word] = at + 1;
    CHECK(vocabulary_build(&pieces.vocabulary, &first) == -1);
    pieces_make(&pieces);
    CHECK(pieces.longest == strlen("##aaaa"));
}

static int64_t read_text(const uint8_t *text, size_t size, int32_t *rows, int64_t room, int64_t most) {
    PieceReader *reader = (PieceReader *)malloc(sizeof(PieceReader));
    memset(reader, 0xA5, sizeof(*reader));
    start_pieces(reader, text, size, rows, room, most);
    read_pieces(&pieces, reader);
    CHECK(reader->at <= reader->end && (reader->at == reader->end || reader->count >= most));
    int64_t count = reader->count;
    free(reader);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    int64_t room = data[0] % 40, most = data[1] % 40;
    data += 2, size -= 2;
    int32_t *all = (int32_t *)malloc((3 * size + 1) * sizeof(int32_t));
    int32_t *few = (int32_t *)malloc((size_t)room * sizeof(int32_t) + !room);
    int64_t whole = read_text(data, size, all, (int64_t)(3 * size), INT64_MAX);
    CHECK(whole <= (int64_t)(3 * size));
    for (int64_t at = 0; at < whole; at++)
        CHECK(all[at] >= 0 && all[at] < WORDS);
    int64_t some = read_text(data, size, few, room, most);
    CHECK(some <= whole && (some == whole || some >= most) && some < most + WORD_CHARACTERS + 1);
    for (int64_t at = 0; at < some && at < room; at++)
        CHECK(few[at] == all[at]);
    free(all), free(few);
    return 0;
}

#ifdef LIBFUZZER
int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count, (void)arguments;
    make_pieces();
    return 0;
}
#else
static uint64_t next(uint64_t *state) {         /* xorshift64*, Vigna 2016 */
    *state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

int main(int count, char **arguments) {
    uint64_t state = (count > 2 ? strtoul(arguments[2], NULL, 10) : 1) * 0x9E3779B97F4A7C15ULL + 1, texts = 0;
    time_t stop = time(NULL) + (count > 1 ? atoi(arguments[1]) : 30);
    make_pieces();
    while (texts % 256 || time(NULL) < stop) {
        size_t size = 0, wanted = next(&state) % LONGEST;
        uint8_t data[LONGEST + 128];
        while (size < wanted) {
            uint64_t chance = next(&state) >> 33;
            const char *part = PARTS[chance % (sizeof(PARTS) / sizeof(*PARTS))];
            if (chance & 3 << 20)
                memcpy(data + size, part, strlen(part)), size += strlen(part);
            else
                data[size++] = (uint8_t)(chance >> 8);
        }
        uint8_t *exact = (uint8_t *)malloc(size + !size);
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact), texts++;
    }
    vocabulary_free(&pieces.vocabulary);
    printf("%lu texts, nothing wrong\n", (unsigned long)texts);
    return 0;
}
#endif

/* Any bytes through the tokenizer's C: nothing may crash, leak, or read or write beyond what it was given.

       cc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -pthread -Iext tests/ext/fuzz_words.c -o build/fuzz_words
       build/fuzz_words SECONDS [SEED]

   makes texts itself; with Clang, -DLIBFUZZER -fsanitize=fuzzer,address makes a libFuzzer target of it. Every buffer has
   exactly the size that it needs, so that the sanitizer sees one byte too many. Several threads read, and one at a time
   writes, as in the extension. Results are checked too: a second reading, from the tables, gives what the first gave. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "gather.h"
#include "reader.h"

#define CHECK(condition) \
    do { if (!(condition)) { fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); abort(); } } while (0)

enum { WORDS = 12, UNKNOWN = 3, THREADS = 3, LONGEST = 400, KINDS = 4 };

static const char WORD_TEXT[] = "what\nis\nthe\nred\nn't\n?\nleft\nmost\nbus\ncaf\xc3\xa9\nid\na\n";
static const char *const PIECES[] = {
    "what", "is", "What", "red?", "isn't", "left-most", " ", "  ", "\n", "\t", "\xc2\xa0", "\xe2\x80\x83", "\xe3\x80\x80",
    "\xe2\x80", "\xe2", "\xc2", "caf\xc3\xa9", "dont", "dont?", "\xf0\x9f\x90\xb6", "?", "!?", "\x1c", "\x85", "\xff", "id",
    "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaa?", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
};
static Tables tables[KINDS];
static float halves[1 << 16], floats[(WORDS + UNKNOWN) * 5];
static uint16_t half_table[(WORDS + UNKNOWN) * 5];
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

static void make_tables(Tables *own, int kind) {
    int64_t first;
    memset(own, 0, sizeof(*own));
    own->lower = kind & 1, own->plain = kind >> 1;
    own->vocabulary.text = (const uint8_t *)WORD_TEXT;
    own->vocabulary.words = own->vocabulary.unknown_first = WORDS;
    own->vocabulary.unknown_rows = UNKNOWN, own->vocabulary.gap = 1;
    own->vocabulary.starts = (uint32_t *)calloc(WORDS + 1, sizeof(uint32_t));
    for (uint32_t at = 0, word = 0; at < sizeof(WORD_TEXT) - 1; at++)
        if (WORD_TEXT[at] == '\n')
            own->vocabulary.starts[++word] = at + 1;
    CHECK(vocabulary_build(&own->vocabulary, &first) == -1);
    CHECK(chunks_make(&own->chunks, 8, 0x5EEDULL * (uint64_t)(kind + 1)));
    for (int code = 0; code < 128; code++)
        own->kinds[code] = code == ' ' || (code >= 9 && code <= 13) || (code >= 28 && code <= 31)  ? KIND_SPACE
                           : (code | 32) >= 'a' && (code | 32) <= 'z'                              ? KIND_LETTER
                           : code == '?' || code == '!'                                            ? KIND_MARK
                                                                                                   : 0;
    PrimedChunk *dont = primed_slot(&own->chunks, load_bytes((const uint8_t *)"dont\0\0\0\0", 8), 0, 4);
    *dont = (PrimedChunk){.words = {load_bytes((const uint8_t *)"dont\0\0\0\0", 8), 0}, .rows = {1, 2}, .size = 4,
                          .count = 2, .ends = {2}};
}

static uint64_t of(const uint8_t *text, size_t size) { return fnv1a(text, size) >> 7; }

/* What the slow path would say of a chunk: pieces of 1 to 8 bytes, chosen by the chunk alone. */
static int learn(Tables *own, Reader *reader) {
    SeenChunk seen;
    size_t size = (size_t)(reader->at - reader->chunk), count = 0;
    uint64_t chance = of(reader->chunk, size);
    int dependent = chance % 50 == 0, fits = size <= SEEN_BYTES;
    memset(&seen, 0, sizeof(seen));
    for (size_t at = 0; at < size; count++) {
        size_t length = 1 + (chance >> (count % 40)) % 8;
        length = length > size - at ? size - at : length;
        int32_t row = vocabulary_row(&own->vocabulary, reader->chunk + at, length);
        at += length;
        if (count < SEEN_ROWS)
            seen.rows[count] = row, seen.ends[count] = (uint8_t)at;
        if (!dependent)
            reader_token(reader, row, reader->chunk + at);
    }
    if (fits && count <= SEEN_ROWS) {
        seen.size = (uint8_t)size, seen.count = (uint8_t)count, seen.dependent = (uint8_t)dependent;
        pthread_mutex_lock(&writing);
        seen_keep(&own->chunks, reader->chunk, &seen, chance & 1);
        pthread_mutex_unlock(&writing);
    }
    return !dependent;
}

/* Tokens of the text, or -1 where it depends; rows and spans to buffers with room for `room`. */
static int64_t read_text(Tables *own, const uint8_t *text, size_t size, int32_t *rows, uint32_t *spans, size_t room) {
    uint8_t *copy = (uint8_t *)malloc(size + READER_MARGIN);
    Reader reader;
    int status;
    start_reading(&reader, copy, text, size, rows, (int64_t)room);
    reader.spans = spans;
    while ((status = read_on(own, &reader)) == READ_UNKNOWN && learn(own, &reader))
        ;
    CHECK(status != READ_ALL || reader.at == reader.end);
    free(copy);
    return status == READ_ALL ? reader.count : -1;
}

static void check_vectors(const int32_t *rows, int64_t kept, uint64_t chance) {
    Gather own = {.table = chance & 1 ? (void *)half_table : (void *)floats, .width = 5, .table_is_half = chance & 1,
                  .out_is_half = chance >> 1 & 1, .processor_converts = chance >> 2 & 1 && processor_converts_halves(),
                  .halves = halves};
    int64_t tokens = kept + (int64_t)(chance >> 3) % 4, number = own.out_is_half ? 2 : 4;
    char *out = (char *)malloc((size_t)(tokens * 5 * number));
    gather_question(&own, rows, kept, tokens, out);
    for (int64_t at = kept * 5 * number; at < tokens * 5 * number; at++)
        CHECK(out[at] == 0);
    for (int64_t at = 0; at < kept * 5; at++) {
        float wanted = floats[rows[at / 5] * 5 + at % 5];
        if (own.out_is_half)
            CHECK(((uint16_t *)(void *)out)[at] == half_of(wanted));
        else
            CHECK(((float *)(void *)out)[at] == wanted);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3)
        return 0;
    Tables *own = &tables[data[0] % KINDS];
    size_t room = data[1] % 40;
    uint64_t chance = data[2];
    data += 3, size -= 3;
    int32_t *rows[2];
    uint32_t *spans[2];
    int64_t counts[2];
    for (int turn = 0; turn < 2; turn++) {
        rows[turn] = (int32_t *)malloc(room * sizeof(int32_t) + !room);
        spans[turn] = (uint32_t *)malloc(2 * room * sizeof(uint32_t) + !room);
        counts[turn] = read_text(own, data, size, rows[turn], chance & 8 ? NULL : spans[turn], room);
    }
    CHECK(counts[0] == counts[1] && counts[0] <= (int64_t)size);
    size_t kept = counts[0] < 0 ? 0 : (size_t)counts[0] < room ? (size_t)counts[0] : room, done = 0;
    CHECK(!memcmp(rows[0], rows[1], kept * sizeof(int32_t)));
    for (size_t at = 0; at < kept; at++)
        CHECK(rows[0][at] >= 0 && rows[0][at] < WORDS + UNKNOWN);
    for (size_t at = 0; !(chance & 8) && at < kept; at++) {
        uint32_t start = spans[0][2 * at], end = spans[0][2 * at + 1];
        CHECK(start >= done && start <= done + 1 && start < end && end <= size);
        CHECK(start == done || data[done] == ' ');
        done = end;
    }
    check_vectors(rows[0], (int64_t)kept, chance);
    for (int turn = 0; turn < 2; turn++)
        free(rows[turn]), free(spans[turn]);
    return 0;
}

static void make_all(void) {
    for (int bits = 0; bits < 1 << 16; bits++) {
        int exponent = bits >> 10 & 31;
        float value = (float)(bits & 1023) + (exponent ? 1024.0f : 0.0f);
        for (int at = exponent ? exponent - 25 : -24; at; at += at < 0 ? 1 : -1)
            value *= at < 0 ? 0.5f : 2.0f;
        halves[bits] = bits & 0x8000 ? -value : value;
    }
    for (int at = 0; at < (WORDS + UNKNOWN) * 5; at++)
        half_table[at] = (uint16_t)(0x3000 + 37 * at), floats[at] = halves[half_table[at]];
    for (int kind = 0; kind < KINDS; kind++)
        make_tables(&tables[kind], kind);
}

#ifdef LIBFUZZER
int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count, (void)arguments;
    make_all();
    return 0;
}
#else
static time_t stop;

static uint64_t next(uint64_t *state) {         /* xorshift64*, Vigna 2016 */
    *state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

static void *make_texts(void *seed) {
    uint64_t state = (uint64_t)(uintptr_t)seed * 0x9E3779B97F4A7C15ULL + 1, texts = 0;
    while (texts % 256 || time(NULL) < stop) {
        size_t size = 0, wanted = next(&state) % LONGEST;
        uint8_t *data = (uint8_t *)malloc(LONGEST + 128);
        while (size < wanted) {
            uint64_t chance = next(&state) >> 33;
            const char *piece = PIECES[chance % (sizeof(PIECES) / sizeof(*PIECES))];
            if (chance & 3 << 20)
                memcpy(data + size, piece, strlen(piece)), size += strlen(piece);
            else
                data[size++] = (uint8_t)(chance >> 8);
            if (chance & 1 << 22)
                data[size++] = ' ';
        }
        uint8_t *exact = (uint8_t *)malloc(size + !size);
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact), free(data), texts++;
    }
    return (void *)(uintptr_t)texts;
}

int main(int count, char **arguments) {
    pthread_t threads[THREADS];
    uintptr_t seed = count > 2 ? strtoul(arguments[2], NULL, 10) : 1, all = 0;
    make_all();
    stop = time(NULL) + (count > 1 ? atoi(arguments[1]) : 30);
    for (uintptr_t at = 0; at < THREADS; at++)
        CHECK(!pthread_create(&threads[at], NULL, make_texts, (void *)(seed * THREADS + at)));
    for (int at = 0; at < THREADS; at++) {
        void *texts;
        CHECK(!pthread_join(threads[at], &texts));
        all += (uintptr_t)texts;
    }
    for (int kind = 0; kind < KINDS; kind++)
        vocabulary_free(&tables[kind].vocabulary), chunks_free(&tables[kind].chunks);
    printf("%lu texts, nothing wrong\n", (unsigned long)all);
    return 0;
}
#endif

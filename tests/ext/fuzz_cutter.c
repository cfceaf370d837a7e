/* Any tables of branches and any kinds of characters through branches.h: nothing may be read beyond what was given.

       cc -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -Iext tests/ext/fuzz_cutter.c -o build/fuzz_cutter
       build/fuzz_cutter SECONDS [SEED]

   Every buffer has exactly the size that it needs, so that the sanitizer sees one number too many. Matches are checked
   too: each takes a character at least, lies within its bounds, and does not see what lies beyond them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "branches.h"

#define CHECK(condition) \
    do { if (!(condition)) { fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); abort(); } } while (0)

enum { ATOMS = 150, KINDS = 9, MOST_BRANCHES = 8, LONGEST = 24, TEXTS = 40 };

static uint64_t state;

static uint64_t below(uint64_t most) {          /* xorshift64*, Vigna 2016 */
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (state * 0x2545F4914F6CDD1DULL >> 33) % most;
}

static void *room(size_t size) {
    void *made = malloc(size + !size);
    CHECK(made);
    return made;
}

static Kinds make_kinds(void) {
    int64_t words = (ATOMS + 63) / 64;
    uint32_t *starts = (uint32_t *)room(KINDS * sizeof(*starts)), start = 0;
    uint16_t *kinds = (uint16_t *)room(KINDS * sizeof(*kinds));
    uint64_t *bits = (uint64_t *)room((size_t)(KINDS * words) * sizeof(*bits));
    for (uint16_t at = 0; at < KINDS; at++)
        starts[at] = start, kinds[at] = at, start += 1 + (uint32_t)below(0x110000 / KINDS);
    memset(bits, 0, (size_t)(KINDS * words) * sizeof(*bits));
    for (int64_t kind = 0; kind < KINDS; kind++)
        for (int64_t atom = 0; atom < ATOMS; atom++)
            bits[kind * words + atom / 64] |= (uint64_t)(below(5) < 3) << atom % 64;
    return (Kinds){starts, kinds, KINDS, bits, words};
}

static Pattern make_pattern(void) {
    uint16_t count = 1 + (uint16_t)below(MOST_BRANCHES), used = 0;
    Branch *branches = (Branch *)room(count * sizeof(*branches));
    uint32_t *groups = (uint32_t *)room(KINDS * sizeof(*groups)), sized = 0;
    uint16_t all[MOST_BRANCHES * 10], listed[KINDS * (MOST_BRANCHES + 1)];
    for (uint16_t at = 0; at < count; at++) {
        Branch made = {used, (uint16_t)below(3), 1 + (uint16_t)below(4), (uint16_t)below(3), (uint16_t)below(8)};
        branches[at] = made;
        for (int atom = made.behind + made.taken + made.ahead; atom; atom--)
            all[used++] = (uint16_t)below(ATOMS);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        groups[kind] = sized;
        for (uint16_t at = 0; at < count; at++)
            if (below(4))
                listed[sized++] = at;
        listed[sized++] = BRANCH_NONE;
    }
    uint16_t *atoms = (uint16_t *)room(used * sizeof(*atoms)), *members = (uint16_t *)room(sized * sizeof(*members));
    memcpy(atoms, all, used * sizeof(*atoms)), memcpy(members, listed, sized * sizeof(*members));
    return (Pattern){branches, atoms, groups, members};
}

static void cut(const Kinds *kinds, const Pattern *pattern) {
    int64_t size = 1 + (int64_t)below(LONGEST);
    uint16_t *text = (uint16_t *)room((size_t)size * sizeof(*text));
    for (int64_t at = 0; at < size; at++) {
        text[at] = kind_of(kinds, (uint32_t)below(0x110000));
        CHECK(text[at] < KINDS);
    }
    int64_t begin = (int64_t)below((uint64_t)size), end = begin + 1 + (int64_t)below((uint64_t)(size - begin));
    int64_t at = begin + (int64_t)below((uint64_t)(end - begin));
    int64_t stop = match_end(kinds, pattern, text, begin, at, end), start = match_begin(kinds, pattern, text, begin, end);
    CHECK(stop >= at && stop <= end && start >= begin && start <= end);
    uint16_t *seen = (uint16_t *)room((size_t)(end - begin) * sizeof(*seen));
    memcpy(seen, text + begin, (size_t)(end - begin) * sizeof(*seen));
    CHECK(match_end(kinds, pattern, seen, 0, at - begin, end - begin) == stop - begin);
    CHECK(match_begin(kinds, pattern, seen, 0, end - begin) == start - begin);
    free(seen), free(text);
}

int main(int count, char **arguments) {
    time_t ends = time(NULL) + (count > 1 ? atoi(arguments[1]) : 30);
    unsigned long texts = 0;
    state = 0x9E3779B97F4A7C15ULL * (count > 2 ? strtoul(arguments[2], NULL, 10) : 1) + 1;
    while (texts % 4000 || time(NULL) < ends) {
        Kinds kinds = make_kinds();
        Pattern pattern = make_pattern();
        for (int at = 0; at < TEXTS; at++, texts++)
            cut(&kinds, &pattern);
        free((void *)kinds.starts), free((void *)kinds.kinds), free((void *)kinds.bits);
        free((void *)pattern.branches), free((void *)pattern.atoms), free((void *)pattern.groups);
        free((void *)pattern.members);
    }
    printf("%lu texts, nothing wrong\n", texts);
    return 0;
}

/* Where a text's prefix, suffix and infixes end and begin, by the tables of ext/branches.py.

   A text is given as the kinds of its characters. `begin` and `end` bound what is seen of it. A branch takes a
   character at least, so every match is of one character or more. */
#ifndef ASKSIGHT_BRANCHES_H
#define ASKSIGHT_BRANCHES_H

#include <stdint.h>

enum { BRANCH_RUNS = 1, BRANCH_NOT_BEHIND = 2, BRANCH_NOT_AHEAD = 4, BRANCH_NONE = 0xFFFF };

typedef struct {
    uint16_t first;                 /* of its atoms: behind, taken, ahead */
    uint16_t behind, taken, ahead;  /* how many of each */
    uint16_t flags;
} Branch;

typedef struct {
    const Branch *branches;
    const uint16_t *atoms;
    const uint32_t *groups;         /* by the kind at the edge: where its branches begin in `members` */
    const uint16_t *members;        /* in the pattern's order, then BRANCH_NONE */
} Pattern;

typedef struct {
    const uint32_t *starts;         /* of runs of characters of one kind, ascending from 0 */
    const uint16_t *kinds;          /* of each run */
    int64_t runs;
    const uint64_t *bits;           /* of each kind, `words` of them: which atoms take it */
    int64_t words;
} Kinds;

static inline uint16_t kind_of(const Kinds *own, uint32_t code) {
    int64_t low = 0, high = own->runs;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (own->starts[middle] <= code)
            low = middle;
        else
            high = middle;
    }
    return own->kinds[low];
}

static inline int atom_takes(const Kinds *own, uint16_t atom, uint16_t kind) {
    return own->bits[kind * own->words + (atom >> 6)] >> (atom & 63) & 1;
}

static inline int atoms_take(const Kinds *own, const uint16_t *atoms, int64_t count, const uint16_t *kinds) {
    for (int64_t at = 0; at < count; at++)
        if (!atom_takes(own, atoms[at], kinds[at]))
            return 0;
    return 1;
}

/* Whether a branch that takes what lies from `at` to `stop` fits what stands around that. */
static inline int branch_fits(const Kinds *own, const Pattern *pattern, const Branch *branch, const uint16_t *text,
                              int64_t begin, int64_t at, int64_t stop, int64_t end) {
    const uint16_t *atoms = pattern->atoms + branch->first;
    int behind = at - begin >= branch->behind && atoms_take(own, atoms, branch->behind, text + at - branch->behind);
    int ahead = end - stop >= branch->ahead &&
                atoms_take(own, atoms + branch->behind + branch->taken, branch->ahead, text + stop);
    return behind != !!(branch->flags & BRANCH_NOT_BEHIND) && ahead != !!(branch->flags & BRANCH_NOT_AHEAD);
}

/* Where the match ends that begins at `at`, which is before `end`; `at` where none does. The first branch that fits. */
static inline int64_t match_end(const Kinds *own, const Pattern *pattern, const uint16_t *text, int64_t begin,
                                int64_t at, int64_t end) {
    for (const uint16_t *member = pattern->members + pattern->groups[text[at]]; *member != BRANCH_NONE; member++) {
        const Branch *branch = pattern->branches + *member;
        const uint16_t *taken = pattern->atoms + branch->first + branch->behind;
        int64_t stop = at + branch->taken;
        if (stop > end || !atoms_take(own, taken, branch->taken, text + at))
            continue;
        if (branch->flags & BRANCH_RUNS)
            while (stop < end && atom_takes(own, taken[branch->taken - 1], text[stop]))
                stop++;
        if (branch_fits(own, pattern, branch, text, begin, at, stop, end))
            return stop;
    }
    return at;
}

/* Where the longest match begins that ends at `end`, which is after `begin`; `end` where none does. */
static inline int64_t match_begin(const Kinds *own, const Pattern *pattern, const uint16_t *text, int64_t begin,
                                  int64_t end) {
    int64_t found = end;
    for (const uint16_t *member = pattern->members + pattern->groups[text[end - 1]]; *member != BRANCH_NONE; member++) {
        const Branch *branch = pattern->branches + *member;
        const uint16_t *taken = pattern->atoms + branch->first + branch->behind;
        int64_t others = branch->taken - 1, run = end - 1, at;
        if (branch->flags & BRANCH_RUNS)
            while (run > begin && atom_takes(own, taken[others], text[run - 1]))
                run--;
        for (at = run - others < begin ? begin : run - others; at < found && at + others < end; at++)
            if (atoms_take(own, taken, others, text + at) && branch_fits(own, pattern, branch, text, begin, at, end, end)) {
                found = at;
                break;
            }
    }
    return found;
}

#endif

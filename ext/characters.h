/* What becomes of each character before a text is cut into words: the tables that ext/characters.py makes. */
#ifndef ASKSIGHT_CHARACTERS_H
#define ASKSIGHT_CHARACTERS_H

#include <stdint.h>

enum {
    CHARACTER_KEPT, CHARACTER_DROPPED, CHARACTER_BREAK, CHARACTER_MARK, CHARACTER_SPACE, CHARACTER_ALONE,
    CHARACTER_MAPPED, CHARACTER_HANGUL, CHARACTER_KINDS
};
enum { CHARACTER_BLOCK = 128, CHARACTER_BYTES = 4 };

typedef struct {
    const uint16_t *blocks, *entries, *starts;
    const uint32_t *mapped;
} Characters;

static inline uint16_t character_entry(const Characters *own, uint32_t code) {
    return own->entries[own->blocks[code / CHARACTER_BLOCK] * CHARACTER_BLOCK + code % CHARACTER_BLOCK];
}

/* One character of UTF-8 at `at`, before `end`; gives where the next begins. What is no UTF-8 is read as U+FFFD. */
static inline const uint8_t *character_read(const uint8_t *at, const uint8_t *end, uint32_t *code) {
    uint8_t first = *at++;
    int more = first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF8 ? 3 : 0;
    *code = 0xFFFD;
    if (first < 0x80) {
        *code = first;
        return at;
    }
    if (!more || end - at < more)
        return at;
    uint32_t found = first & (0x3F >> more);
    for (int byte = 0; byte < more; byte++)
        found = found << 6 | (at[byte] & 0x3F);
    if (found > 0x10FFFF)
        return at;
    *code = found;
    return at + more;
}

/* The character's UTF-8 to `to`, which has room for CHARACTER_BYTES; gives how many bytes it takes. */
static inline int character_write(uint8_t *to, uint32_t code) {
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (int byte = more; byte > 0; byte--, code >>= 6)
        to[byte] = (uint8_t)(0x80 | (code & 0x3F));
    to[0] = (uint8_t)((0xF80 >> more) | code);     /* C0, E0 or F0 */
    return more + 1;
}

#endif

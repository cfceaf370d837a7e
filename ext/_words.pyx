# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled word table; ext/twin.py says in Python what it does, and tests hold the two equal.

ASCII questions are cut, looked up and padded here without the GIL; others are cut by ext/text.py first. The
vectors are read where they lie, memory-mapped or not, never copied. Sizes are in bytes, elements or tokens as
named. An instance is read-only once it is made, so any number of threads may use it at once.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

import numpy as np

from .checks import check_questions, check_table, check_words, utf8
from .text import split_tokens

include "_split.pxi"

cdef struct Slot:
    uint64_t hash
    int32_t row           # -1 where the slot is empty
    int32_t size          # bytes of the word
    const uint8_t* word

cdef struct Item:
    const uint8_t* text   # NULL when its rows were found under the GIL
    Py_ssize_t size       # bytes of text
    Py_ssize_t offset     # of its first row in Batch.rows
    Py_ssize_t room       # rows kept for it there
    Py_ssize_t count      # tokens, before the cut

# float16 bits → float32. A table of 256 KiB is exact for denormals also in threads that flush them to zero.
with np.errstate(invalid="ignore"):
    _half_values = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
cdef const float[::1] HALF = _half_values


cdef inline uint64_t fnv1a(const uint8_t* text, Py_ssize_t size, const uint8_t* map) noexcept nogil:
    cdef uint64_t value = 0xCBF29CE484222325ULL
    cdef Py_ssize_t at
    for at in range(size):
        value = (value ^ map[text[at]]) * 0x100000001B3ULL
    return value


cdef inline bint same(const uint8_t* word, const uint8_t* text, Py_ssize_t size, const uint8_t* map) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(size):
        if word[at] != map[text[at]]:
            return False
    return True


cdef class _Batch:
    """The rows found for one call, and the questions, which their text pointers need alive."""

    cdef tuple questions
    cdef Item* items
    cdef int32_t* rows
    cdef Span* spans      # scratch for the longest question
    cdef Py_ssize_t size, longest

    def __dealloc__(self):
        free(self.items)
        free(self.rows)
        free(self.spans)


cdef class WordTable:
    """See ext/twin.py's PyWordTable and ext/_words.pyi; same arguments, results and errors."""

    cdef readonly Py_ssize_t size, dimension, limit, unknown_rows
    cdef readonly bint lower
    cdef const float[:, ::1] singles
    cdef const uint16_t[:, ::1] halves
    cdef bint half
    cdef bytes text       # all words, one after the other
    cdef Slot* slots
    cdef uint64_t mask    # the number of slots, a power of two, less one
    cdef const uint8_t* map

    def __cinit__(self, words, vectors, *, Py_ssize_t limit=30, bint lower=True, Py_ssize_t unknown_rows=1):
        check_table(words, vectors, limit, unknown_rows)
        self.size, self.dimension = vectors.shape
        self.limit, self.lower, self.unknown_rows = limit, lower, unknown_rows
        self.map = &LOWER[0] if lower else &SAME[0]
        self.half = vectors.dtype == np.float16
        if self.half:
            self.halves = vectors.view(np.uint16)
        else:
            self.singles = vectors
        self._index(check_words(words, self.size - unknown_rows))

    def __dealloc__(self):
        free(self.slots)

    cdef _index(self, list known):
        cdef uint64_t slots = 2, at
        cdef Py_ssize_t row, size
        cdef const uint8_t* word
        self.text = b"".join(known)
        word = self.text
        while slots < 2 * <uint64_t>len(known):
            slots *= 2
        self.slots = <Slot*>calloc(slots, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError
        self.mask = slots - 1
        for at in range(slots):
            self.slots[at].row = -1
        for row in range(len(known)):
            size = len(<bytes>known[row])
            at = fnv1a(word, size, SAME)
            self._fill(at, row, size, word)
            word += size

    cdef void _fill(self, uint64_t hash, Py_ssize_t row, Py_ssize_t size, const uint8_t* word) noexcept:
        cdef uint64_t at = hash & self.mask
        while self.slots[at].row >= 0:
            at = (at + 1) & self.mask
        self.slots[at].hash, self.slots[at].row = hash, <int32_t>row
        self.slots[at].size, self.slots[at].word = <int32_t>size, word

    cdef int32_t known_row(self, uint64_t hash, const uint8_t* text, Py_ssize_t size, const uint8_t* map) noexcept nogil:
        """-1 for a word that is not in the table."""
        cdef uint64_t at = hash & self.mask
        while self.slots[at].row >= 0:
            if self.slots[at].hash == hash and self.slots[at].size == size:
                if same(self.slots[at].word, text, size, map):
                    return self.slots[at].row
            at = (at + 1) & self.mask
        return -1

    cdef inline int32_t row_of(self, const uint8_t* text, Py_ssize_t size, const uint8_t* map) noexcept nogil:
        cdef uint64_t hash = fnv1a(text, size, map)
        cdef int32_t row = self.known_row(hash, text, size, map)
        if row < 0:
            row = <int32_t>(self.size - self.unknown_rows + <Py_ssize_t>(hash % <uint64_t>self.unknown_rows))
        return row

    cdef int32_t row_of_text(self, str token) except -1:
        """A token of an other than ASCII question; it is lower-cased already."""
        cdef bytes text = token.encode()
        cdef int32_t row = self.known_row(fnv1a(text, len(text), SAME), text, len(text), SAME)
        if row < 0:
            text = token.replace("’", "'").encode()
            row = self.row_of(text, len(text), SAME)
        return row

    cdef _Batch look_up(self, questions):
        cdef _Batch batch = _Batch()
        cdef Py_ssize_t at, room, total = 0, most = 0
        cdef list slow = []  # (item, tokens) of the questions that are not ASCII
        batch.questions = check_questions(questions)
        batch.size = len(batch.questions)
        batch.items = <Item*>calloc(batch.size + 1, sizeof(Item))
        if batch.items == NULL:
            raise MemoryError
        for at in range(batch.size):
            total += self._take(batch, at, total, slow)
            most = max(most, batch.items[at].room)
        batch.rows = <int32_t*>malloc((total + 1) * sizeof(int32_t))
        batch.spans = <Span*>malloc((most + 1) * sizeof(Span))
        if batch.rows == NULL or batch.spans == NULL:
            raise MemoryError
        for at, tokens in slow:
            for room in range(batch.items[at].room):
                batch.rows[batch.items[at].offset + room] = self.row_of_text(tokens[room])
        with nogil:
            self.find_rows(batch)
        return batch

    cdef Py_ssize_t _take(self, _Batch batch, Py_ssize_t at, Py_ssize_t offset, list slow) except -1:
        """Note one question's text, or its tokens where it is not ASCII; the rows to keep for it."""
        cdef str question = batch.questions[at]
        cdef Item* item = &batch.items[at]
        item.offset = offset
        if question.isascii():
            item.text = <const uint8_t*>PyUnicode_AsUTF8AndSize(question, &item.size)
            item.room = min(self.limit, item.size)
        else:
            tokens = self.tokens(question)
            item.count = len(tokens)
            item.room = min(self.limit, item.count)
            slow.append((at, tokens))
        return item.room

    cdef void find_rows(self, _Batch batch) noexcept nogil:
        cdef Py_ssize_t at, token, kept
        cdef Item* item
        cdef Span* span
        batch.longest = 1
        for at in range(batch.size):
            item = &batch.items[at]
            if item.text != NULL:
                item.count = split_ascii(item.text, item.size, batch.spans, item.room)
                for token in range(min(item.count, item.room)):
                    span = &batch.spans[token]
                    batch.rows[item.offset + token] = self.row_of(item.text + span.start, span.size, self.map)
            batch.longest = max(batch.longest, min(item.count, item.room))

    def tokens(self, question):
        """All tokens of one question, uncut. Raises ValueError on lone surrogates."""
        cdef Py_ssize_t size, at, count
        cdef const uint8_t* text
        cdef Span* spans
        (question,) = check_questions([question])
        if not question.isascii():
            utf8(question)
            return split_tokens(question, lower=self.lower)
        if self.lower:
            question = question.lower()
        text = <const uint8_t*>PyUnicode_AsUTF8AndSize(question, &size)
        spans = <Span*>malloc((size + 1) * sizeof(Span))
        if spans == NULL:
            raise MemoryError
        try:
            count = split_ascii(text, size, spans, size)
            return [question[spans[at].start:spans[at].start + spans[at].size] for at in range(count)]
        finally:
            free(spans)

    def token_counts(self, questions):
        """[N] int32: how many tokens each question has before it is cut at `limit`."""
        cdef _Batch batch = self.look_up(questions)
        cdef Py_ssize_t at
        counts = np.empty(batch.size, np.int32)
        cdef int32_t[::1] view = counts
        for at in range(batch.size):
            view[at] = <int32_t>batch.items[at].count
        return counts

    def rows(self, questions):
        """Rows [N, T] int32, padded with -1, and lengths [N] int32; see PyWordTable.rows."""
        cdef _Batch batch = self.look_up(questions)
        cdef Py_ssize_t at, kept
        rows = np.full((batch.size, batch.longest), -1, np.int32)
        cdef int32_t[:, ::1] view = rows
        for at in range(batch.size):
            kept = min(batch.items[at].count, batch.items[at].room)
            if kept:
                memcpy(&view[at, 0], &batch.rows[batch.items[at].offset], kept * sizeof(int32_t))
        return rows, self.lengths_of(batch)

    def vectors(self, questions):
        """Vectors [N, T, D] float32, padded with zeros, and lengths [N] int32."""
        cdef _Batch batch = self.look_up(questions)
        vectors = np.empty((batch.size, batch.longest, self.dimension), np.float32)
        cdef float[:, :, ::1] view = vectors
        with nogil:
            self.gather(batch, view)
        return vectors, self.lengths_of(batch)

    cdef lengths_of(self, _Batch batch):
        return np.minimum([batch.items[at].count for at in range(batch.size)], self.limit).astype(np.int32)

    cdef void gather(self, _Batch batch, float[:, :, ::1] out) noexcept nogil:
        cdef Py_ssize_t at, token, column, kept, width = self.dimension
        cdef const int32_t* rows
        cdef const uint16_t* half
        cdef float* to
        for at in range(batch.size):
            kept = min(batch.items[at].count, batch.items[at].room)
            rows = batch.rows + batch.items[at].offset
            for token in range(kept):
                to = &out[at, token, 0]
                if self.half:
                    half = &self.halves[rows[token], 0]
                    for column in range(width):
                        to[column] = HALF[half[column]]
                else:
                    memcpy(to, &self.singles[rows[token], 0], width * sizeof(float))
            if kept < batch.longest:
                memset(&out[at, kept, 0], 0, (batch.longest - kept) * width * sizeof(float))

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled word table; ext/twin.py says in Python what it does, and tests hold the two equal.

What is known of a text's chunks (runs between white space) is looked up in C, without the GIL: reader.h. A chunk that
is new is cut by text.py once and kept. The vectors are read where they lie, memory-mapped or not, never copied. Sizes
are in bytes, elements or tokens as named. Any number of threads may use one instance at once.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_CheckExact, PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcpy, memset

import os
from string import ascii_letters

import numpy as np

from .checks import (
    check_questions, check_table, check_text_size, checked_out, is_text, utf8, word_twice
)
from .rules import chosen_rules
from .reading import Reading, is_word
from .text import ALL, splitter_of

include "_core.pxi"
include "_index.pxi"
include "_reading.pxi"

# float16 bits → float32, for processors that cannot.
with np.errstate(invalid="ignore"):
    _half_values = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
cdef const float[::1] HALF = _half_values


cdef class WordTable(QuestionReader):
    """See ext/twin.py's PyWordTable and ext/_words.pyi; same arguments, results and errors."""

    cdef readonly Py_ssize_t size, dimension, unknown_rows
    cdef object words, table   # kept alive for the pointers into them
    cdef Gather numbers

    def __cinit__(self, words, vectors, *, Py_ssize_t limit=30, bint lower=True, Py_ssize_t unknown_rows=1, rules=None):
        cdef const uint16_t[:, ::1] halves
        cdef const float[:, ::1] singles
        check_table(words, vectors, limit, unknown_rows)
        self.rules = chosen_rules(rules)
        self.size, self.dimension = vectors.shape
        self.limit, self.lower, self.unknown_rows = limit, lower, unknown_rows
        self.numbers.width, self.numbers.halves = self.dimension, &HALF[0]
        self.numbers.table_is_half = vectors.dtype == np.float16
        self.numbers.processor_converts = processor_converts_halves()
        if self.numbers.table_is_half:
            halves = vectors.view(np.uint16)
            self.table, self.numbers.table = halves, &halves[0, 0]
        else:
            singles = vectors
            self.table, self.numbers.table = singles, &singles[0, 0]
        self.tables.vocabulary.unknown_first = self.size - unknown_rows
        self.tables.vocabulary.unknown_rows = unknown_rows
        self.words = index_words(&self.tables.vocabulary, words, self.size - unknown_rows)
        self._prime()

    cdef _prime(self):
        """Enter what is sure before any question: plain words of the vocabulary, and exceptions of letters."""
        cdef Py_ssize_t row, count = min(self.tables.vocabulary.words, PRIMED_WORDS), size
        cdef const uint8_t* word
        cdef Tables* own = &self.tables
        exceptions, marks = self.rules.plain_exceptions(), self.rules.plain_ends
        own.lower, own.plain = self.lower, marks is not None
        for code in range(128):
            own.kinds[code] = KIND_SPACE if chr(code).isspace() else KIND_LETTER if chr(code) in LETTERS else 0
        if not chunks_make(&own.chunks, len(exceptions) + 2 * count + 1, int.from_bytes(os.urandom(8))):
            raise MemoryError
        if marks is None:
            return
        for mark in marks:
            own.kinds[<uint8_t>ord(mark)], own.marks[<uint8_t>ord(mark)] = KIND_MARK, self.row_of(mark)
        for text, parts in exceptions.items():
            if not self._prime_exception(text.encode(), parts) and "'" not in text and "’" not in text:
                own.plain = False  # the reader would take it for a plain word
        for row in range(count if own.plain else 0):
            word = own.vocabulary.text + own.vocabulary.starts[row]
            size = own.vocabulary.starts[row + 1] - own.vocabulary.gap - own.vocabulary.starts[row]
            if prime_word(own, word, size, False) and self.lower:
                prime_word(own, word, size, True)

    cdef bint _prime_exception(self, bytes text, parts) except -1:
        cdef int32_t[PRIMED_ROWS] rows
        cdef uint8_t[PRIMED_ROWS] ends
        cdef int token, end = 0
        if len(parts) > PRIMED_ROWS or len(text) > PRIMED_BYTES:
            return False
        for token in range(len(parts)):
            end += len(parts[token].encode())
            rows[token], ends[token] = self.row_of(parts[token]), <uint8_t>end
        return prime(&self.tables, text, len(text), rows, ends, len(parts))

    def texts(self, question):
        """All tokens of one question, uncut, as they stand in it. Raises ValueError on lone surrogates."""
        cdef Py_ssize_t size, at, begin, end
        cdef const char* text
        cdef Reader reader
        cdef _Batch batch = _Batch()
        if not PyUnicode_CheckExact(question):
            (question,) = check_questions([question])
        text = self.text_of(question, &size)
        batch.rows = <int32_t*>malloc((size + 1) * (sizeof(int32_t) + 2 * sizeof(uint32_t)))
        batch.copy = <uint8_t*>malloc(size + READER_MARGIN)
        if batch.rows == NULL or batch.copy == NULL:
            raise MemoryError
        start_reading(&reader, batch.copy, <const uint8_t*>text, size, batch.rows, size)
        reader.spans = <uint32_t*>(batch.rows + size)
        if not self.read_known_and_new(&reader):
            return splitter_of(self.rules).texts(question)
        tokens = []
        for at in range(reader.count):
            begin, end = reader.spans[2 * at], reader.spans[2 * at + 1]
            tokens.append(PyUnicode_DecodeUTF8(text + begin, end - begin, NULL))
        return tokens

    def tokens(self, question):
        """All words of one question that are looked up: its texts, in lower case where the table says so."""
        texts = self.texts(question)
        return [text.lower() for text in texts] if self.lower else texts

    def token_counts(self, questions):
        """[N] int32: how many tokens each question has before it is cut at `limit`."""
        return self.counts_of(self.look_up(questions, ALL), False)

    def rows(self, questions, *, to_limit=False, out=None):
        """Rows [N, T] int32, padded with -1, and lengths [N] int32; see PyWordTable.rows."""
        cdef _Batch batch = self.look_up(questions, self.limit)
        cdef Py_ssize_t at, kept, longest = self.limit if to_limit else batch.longest
        rows = checked_out(out, (batch.size, longest), np.dtype(np.int32))
        cdef int32_t[:, ::1] view = rows
        cdef int32_t* to
        with nogil:
            for at in range(batch.size):
                kept = min(batch.items[at].count, self.limit)
                to = &view[at, 0]
                memcpy(to, batch.rows + batch.items[at].offset, kept * sizeof(int32_t))
                memset(to + kept, 0xFF, (longest - kept) * sizeof(int32_t))  # -1 is all ones
        return rows, self.counts_of(batch, True)

    def vectors(self, questions, *, to_limit=False, dtype=None, out=None):
        """Vectors [N, T, D], padded with zeros, and lengths [N] int32; see PyWordTable.vectors."""
        cdef _Batch batch = self.look_up(questions, self.limit)
        return self.vectors_of(batch, self.limit if to_limit else batch.longest, dtype, out), self.counts_of(batch, True)

    def read(self, questions):
        """All that answering needs of questions; see PyWordTable.read."""
        cdef _Batch batch = self.look_up(questions, self.limit + 1)
        cut, known = np.empty(batch.size, np.bool_), np.empty(batch.size, np.bool_)
        for at in range(batch.size):
            cut[at] = batch.items[<Py_ssize_t>at].count > self.limit
            known[at] = self.has_known(batch, &batch.items[<Py_ssize_t>at])
        return Reading(self.vectors_of(batch, batch.longest, None, None), self.counts_of(batch, True), cut, known)

    cdef bint has_known(self, _Batch batch, const Item* item) except -1:
        """Whether a word of the vocabulary is among the tokens that are read; a mark alone is no word."""
        cdef Vocabulary* own = &self.tables.vocabulary
        cdef Py_ssize_t at, begin, end
        cdef int32_t row
        for at in range(min(item.count, self.limit)):
            row = batch.rows[item.offset + at]
            if row < own.unknown_first:
                begin, end = own.starts[row], own.starts[row + 1] - own.gap
                if is_word(PyUnicode_DecodeUTF8(<const char*>own.text + begin, end - begin, NULL)):
                    return True
        return False

    cdef vectors_of(self, _Batch batch, Py_ssize_t longest, dtype, out):
        cdef Py_ssize_t at
        vectors = checked_out(out, (batch.size, longest, self.dimension), dtype)
        cdef Gather numbers = self.numbers
        numbers.out_is_half = vectors.dtype == np.float16
        cdef char[::1] view = vectors.reshape(-1).view(np.int8)
        cdef Py_ssize_t stride = longest * self.dimension * vectors.dtype.itemsize
        cdef Item* item
        with nogil:
            for at in range(batch.size):
                item = &batch.items[at]
                gather_question(
                    &numbers, batch.rows + item.offset, min(item.count, self.limit), longest, &view[at * stride]
                )
        return vectors

    cdef counts_of(self, _Batch batch, bint cut):
        counts = np.empty(batch.size, np.int32)
        cdef int32_t[::1] view = counts
        cdef Py_ssize_t at
        for at in range(batch.size):
            view[at] = <int32_t>(min(batch.items[at].count, self.limit) if cut else batch.items[at].count)
        return counts

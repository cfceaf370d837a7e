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

from .characters import character_table
from .checks import (
    check_piece_table, check_questions, check_rows, check_table, check_text_size, checked_out, is_text, utf8, word_twice
)
from .cutting import ALL, splitter_of
from .decoding import join_pieces
from .rules import chosen_rules
from .reading import Reading, is_word

include "_core.pxi"
include "_index.pxi"

# float16 bits → float32, for processors that cannot.
with np.errstate(invalid="ignore"):
    _half_values = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
cdef const float[::1] HALF = _half_values

include "_table.pxi"
include "_reading.pxi"
include "_pieces.pxi"


cdef class WordTable(QuestionReader):
    """See ext/twin.py's PyWordTable and ext/_words.pyi; same arguments, results and errors."""

    cdef readonly Py_ssize_t unknown_rows
    cdef object words  # kept alive for the pointers into them

    def __cinit__(self, words, vectors, *, Py_ssize_t limit=30, bint lower=True, Py_ssize_t unknown_rows=1, rules=None):
        check_table(words, vectors, limit, unknown_rows)
        self.rules = chosen_rules(rules)
        self.set_vectors(vectors)
        self.limit, self.lower, self.unknown_rows = limit, lower, unknown_rows
        self.vocabulary = &self.tables.vocabulary
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

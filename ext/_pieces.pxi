"""Tables of WordPiece: a question's pieces, between a first and a last one. Included by _words.pyx."""

cdef class WordPieceTable(VectorTable):
    """See ext/wordpiece.py's PyWordPieceTable and ext/_words.pyi; same arguments, results and errors."""

    cdef readonly int32_t first, last, unknown
    cdef readonly str strip
    cdef Pieces pieces
    cdef object words, characters  # kept alive for the pointers into them

    def __cinit__(
        self, words, vectors, *, int32_t first, int32_t last, int32_t unknown, Py_ssize_t limit=30, bint lower=True,
        str strip="",
    ):
        cdef const uint16_t[::1] blocks, entries, starts
        cdef const uint32_t[::1] mapped
        check_piece_table(words, vectors, limit, first, last, unknown)
        self.set_vectors(vectors)
        self.limit, self.lower, self.strip = limit, lower, strip
        self.first, self.last, self.unknown = first, last, unknown
        self.vocabulary = &self.pieces.vocabulary
        self.words = index_words(&self.pieces.vocabulary, words, self.size)
        self.characters = character_table(lower=lower, strip=strip)
        blocks, entries, starts, mapped = self.characters
        self.pieces.characters.blocks, self.pieces.characters.entries = &blocks[0], &entries[0]
        self.pieces.characters.starts, self.pieces.characters.mapped = &starts[0], &mapped[0]
        self.pieces.unknown = unknown
        pieces_make(&self.pieces)

    def __dealloc__(self):
        vocabulary_free(&self.pieces.vocabulary)

    cdef bint is_own(self, int32_t row) noexcept:
        return row != self.unknown and row != self.first and row != self.last

    cdef int find(self, _Batch batch, Py_ssize_t most) except -1:
        cdef Py_ssize_t at, kept, room
        cdef Item* item
        cdef PieceReader reader
        cdef int32_t* rows
        with nogil:
            for at in range(batch.size):
                item = &batch.items[at]
                rows = batch.rows + batch.used
                room = min(item.size, self.limit - AROUND)  # a piece has a byte at least
                start_pieces(&reader, item.text, item.size, rows + 1, room, most - AROUND)
                read_pieces(&self.pieces, &reader)
                kept = min(reader.count, room)
                rows[0], rows[kept + 1] = self.first, self.last
                item.offset, item.count = batch.used, reader.count + AROUND
                batch.used += kept + AROUND
        return 0

    def tokens(self, question):
        """All pieces of one question, uncut, as they stand in the vocabulary. Raises ValueError on lone surrogates."""
        cdef Py_ssize_t size, at
        cdef const char* text
        cdef int32_t* rows
        cdef PieceReader reader
        if not PyUnicode_CheckExact(question):
            (question,) = check_questions([question])
        text = self.text_of(question, &size)
        rows = <int32_t*>malloc((size + 1) * sizeof(int32_t))
        if rows == NULL:
            raise MemoryError
        try:
            start_pieces(&reader, <const uint8_t*>text, size, rows, size, ALL)
            read_pieces(&self.pieces, &reader)
            return [self.word(rows[at]) for at in range(min(reader.count, size))]
        finally:
            free(rows)

    def texts(self, question):
        """The same as `tokens`: what the pieces were in the question, before accents went, is not kept."""
        return self.tokens(question)

    def token_counts(self, questions):
        """[N] int32: how many pieces each question has before it is cut, the first and last included."""
        return self.counts_of(self.look_up(questions, ALL), False)

    def decode(self, rows, *, special=()):
        """The text of an answer's rows; see PyWordPieceTable.decode."""
        left_out = {self.first, self.last, self.unknown, *special}
        return join_pieces([self.word(row) for row in check_rows(rows, self.size) if row not in left_out])

"""Reading questions: all that is known at once without the GIL, then what is new. Included by _words.pyx."""

cdef class QuestionReader(VectorTable):
    """What reads questions needs of a word table: its tables, and its rules for what they do not know."""

    cdef readonly object rules
    cdef Tables tables

    def __dealloc__(self):
        vocabulary_free(&self.tables.vocabulary)
        chunks_free(&self.tables.chunks)

    cdef int32_t row_of(self, str token) except -1:
        """A token's row: its word's own, else that of its word with straight apostrophes, else a shared one."""
        cdef bytes word = (token.lower() if self.lower else token).encode()
        cdef int64_t row = vocabulary_find(&self.tables.vocabulary, fnv1a(word, len(word)), word, len(word))
        if row < 0:
            word = word.replace("’".encode(), b"'")
            row = vocabulary_row(&self.tables.vocabulary, word, len(word))
        return <int32_t>row

    cdef bint is_own(self, int32_t row) noexcept:
        return row < self.tables.vocabulary.unknown_first

    cdef int find(self, _Batch batch, Py_ssize_t most) except -1:
        batch.copy = <uint8_t*>malloc(batch.largest + READER_MARGIN)
        if batch.copy == NULL:
            raise MemoryError
        with nogil:
            self.read_known(batch, most)
        if batch.waiting:
            self.read_new(batch, most)
        return 0

    cdef void read_known(self, _Batch batch, Py_ssize_t most) noexcept nogil:
        cdef Py_ssize_t at
        cdef Item* item
        cdef Reader reader
        for at in range(batch.size):
            item = &batch.items[at]
            start_reading(&reader, batch.copy, item.text, item.size, batch.rows + batch.used, self.limit)
            reader.most = most
            if read_on(&self.tables, &reader) == READ_ALL:
                item.offset, item.count = batch.used, reader.count
                batch.used += min(reader.count, self.limit)
            else:
                item.count = -1
                batch.waiting += 1

    cdef int read_new(self, _Batch batch, Py_ssize_t most) except -1:
        cdef Py_ssize_t at
        cdef Item* item
        cdef Reader reader
        for at in range(batch.size):
            item = &batch.items[at]
            if item.count >= 0:
                continue
            start_reading(&reader, batch.copy, item.text, item.size, batch.rows + batch.used, self.limit)
            reader.most = most
            if not self.read_known_and_new(&reader):
                reader.count = 0
                for token in splitter_of(self.rules).texts(batch.questions[at], most):
                    reader_token(&reader, self.row_of(token), NULL)
            item.offset, item.count = batch.used, reader.count
            batch.used += min(reader.count, self.limit)
        return 0

    cdef bint read_known_and_new(self, Reader* reader) except -1:
        """Read to the end, or to a chunk that depends on its neighbours: then False."""
        cdef int status
        while True:
            status = read_on(&self.tables, reader)
            if status == READ_ALL:
                return True
            if status == READ_DEPENDENT or not self.learn(reader):
                return False

    cdef bint learn(self, Reader* reader) except -1:
        """Cut the chunk that the reader stopped at, keep what was found, and tell the reader; False if it depends."""
        cdef SeenChunk seen
        cdef const uint8_t* end = reader.chunk
        cdef Py_ssize_t size = reader.at - reader.chunk
        cdef int32_t row
        cdef bint fits, known = False, strange = False
        cdef bytes chunk = (<const char*>reader.chunk)[:size]
        most = ALL if size <= SEEN_BYTES else min(ALL, reader.most)  # what is kept is whole
        tokens, dependent = splitter_of(self.rules).chunk(chunk.decode(), most)
        fits = size <= SEEN_BYTES and len(tokens) <= SEEN_ROWS
        memset(&seen, 0, sizeof(seen))
        for at, token in enumerate(tokens):
            if not fits and reader.count >= reader.most:
                break
            row, size = self.row_of(token), len(token.encode())
            end += size
            known = known or row < self.tables.vocabulary.unknown_first
            strange = strange or (row >= self.tables.vocabulary.unknown_first and token.isalnum())
            if fits:
                seen.rows[<int>at], seen.ends[<int>at] = row, <uint8_t>(end - reader.chunk)
            if not dependent:
                reader_token(reader, row, end)
        if fits:
            seen.size, seen.count, seen.dependent = <uint8_t>len(chunk), <uint8_t>len(tokens), dependent
            seen_keep(&self.tables.chunks, reader.chunk, &seen, known and not strange)
        return not dependent

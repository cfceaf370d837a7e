"""Reading questions: all that is known at once without the GIL, then what is new. Included by _words.pyx."""

cdef struct Item:
    const uint8_t* text   # the question's UTF-8, inside its str
    Py_ssize_t size       # bytes of it
    Py_ssize_t offset     # of its first row in Batch.rows
    Py_ssize_t count      # tokens, before the cut, or more than enough; -1 until they are found

cdef tuple exact_questions(questions):
    """A copy that no other thread can change, of str alone; what is wrong with others, check_questions says."""
    if isinstance(questions, (str, bytes)):
        return check_questions(questions)
    copy = tuple(questions)
    for question in copy:
        if not PyUnicode_CheckExact(question):
            return check_questions(copy)
    return copy


cdef class _Batch:
    """The rows found for one call, and the questions, which their text pointers need alive."""

    cdef tuple questions
    cdef Item* items
    cdef int32_t* rows    # of all questions, one after another, cut at the limit
    cdef uint8_t* copy    # of one question at a time, with READER_MARGIN zeros behind it
    cdef Py_ssize_t size, used, longest, waiting

    def __dealloc__(self):
        free(self.items)
        free(self.rows)
        free(self.copy)


cdef class QuestionReader:
    """What reads questions needs of a word table: its tables, and its rules for what they do not know."""

    cdef readonly Py_ssize_t limit
    cdef readonly bint lower
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

    cdef _Batch look_up(self, questions, Py_ssize_t most):
        """Find the questions' rows; `most` tokens of each are enough."""
        cdef _Batch batch = _Batch()
        cdef Py_ssize_t at, room = 0, largest = 0
        cdef Item* item
        batch.questions = exact_questions(questions)
        batch.size = len(batch.questions)
        batch.items = <Item*>calloc(batch.size + 1, sizeof(Item))
        if batch.items == NULL:
            raise MemoryError
        for at in range(batch.size):
            item = &batch.items[at]
            item.text = <const uint8_t*>self.text_of(batch.questions[at], &item.size)
            room += min(item.size, self.limit)  # a token has a byte at least
            largest = max(largest, item.size)
        batch.rows = <int32_t*>malloc((room + 1) * sizeof(int32_t))
        batch.copy = <uint8_t*>malloc(largest + READER_MARGIN)
        if batch.rows == NULL or batch.copy == NULL:
            raise MemoryError
        with nogil:
            self.read_known(batch, most)
        if batch.waiting:
            self.read_new(batch, most)
        batch.longest = 1
        for at in range(batch.size):
            batch.longest = max(batch.longest, min(batch.items[at].count, self.limit))
        return batch

    cdef const char* text_of(self, question, Py_ssize_t* size) except NULL:
        try:
            return PyUnicode_AsUTF8AndSize(question, size)
        except UnicodeEncodeError:
            utf8(question)  # raises what says more
            raise

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

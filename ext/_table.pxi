"""What all tables of vectors share: questions to rows to padded vectors. Included by _words.pyx."""

cdef enum:
    AROUND = 2  # tokens that may stand around a question's own


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
    cdef Py_ssize_t size, largest, used, longest, waiting

    def __dealloc__(self):
        free(self.items)
        free(self.rows)
        free(self.copy)


cdef class VectorTable:
    """Questions to padded vectors; those that inherit say how a question's rows are found."""

    cdef readonly Py_ssize_t size, dimension, limit
    cdef readonly bint lower
    cdef object table                   # kept alive for the pointers into it
    cdef Gather numbers
    cdef const Vocabulary* vocabulary   # of the one that inherits

    cdef set_vectors(self, vectors):
        cdef const uint16_t[:, ::1] halves
        cdef const float[:, ::1] singles
        self.size, self.dimension = vectors.shape
        self.numbers.width, self.numbers.halves = self.dimension, &HALF[0]
        self.numbers.table_is_half = vectors.dtype == np.float16
        self.numbers.processor_converts = processor_converts_halves()
        if self.numbers.table_is_half:
            halves = vectors.view(np.uint16)
            self.table, self.numbers.table = halves, &halves[0, 0]
        else:
            singles = vectors
            self.table, self.numbers.table = singles, &singles[0, 0]

    cdef int find(self, _Batch batch, Py_ssize_t most) except -1:
        """Fill in the rows of the batch and each item's offset and count; `most` tokens of each are enough."""
        raise NotImplementedError

    cdef bint is_own(self, int32_t row) noexcept:
        """Whether it is the row of one word, and not of all that are unknown."""
        return False

    cdef _Batch look_up(self, questions, Py_ssize_t most):
        """Find the questions' rows; `most` tokens of each are enough."""
        cdef _Batch batch = _Batch()
        cdef Py_ssize_t at, room = 0
        cdef Item* item
        batch.questions = exact_questions(questions)
        batch.size = len(batch.questions)
        batch.items = <Item*>calloc(batch.size + 1, sizeof(Item))
        if batch.items == NULL:
            raise MemoryError
        for at in range(batch.size):
            item = &batch.items[at]
            item.text = <const uint8_t*>self.text_of(batch.questions[at], &item.size)
            room += min(item.size + AROUND, self.limit)  # a token has a byte at least
            batch.largest = max(batch.largest, item.size)
        batch.rows = <int32_t*>malloc((room + 1) * sizeof(int32_t))
        if batch.rows == NULL:
            raise MemoryError
        self.find(batch, most)
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
        cdef Py_ssize_t at
        cdef int32_t row
        for at in range(min(item.count, self.limit)):
            row = batch.rows[item.offset + at]
            if self.is_own(row) and is_word(self.word(row)):
                return True
        return False

    cdef str word(self, int32_t row):
        """The word of a row that was indexed."""
        cdef const Vocabulary* own = self.vocabulary
        cdef uint32_t begin = own.starts[row], end = own.starts[row + 1] - own.gap
        return PyUnicode_DecodeUTF8(<const char*>own.text + begin, end - begin, NULL)

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

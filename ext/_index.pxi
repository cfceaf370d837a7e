"""Filling the tables, once: words to rows, and the chunks that are known from the start. Included by _words.pyx."""

PRIMED_WORDS = 15_000  # two forms each, in a table of 2 MiB; the commonest words come first in any vocabulary that is sorted as ours and GloVe's are
LETTERS = frozenset(ascii_letters)


cdef object index_words(Vocabulary* own, words, Py_ssize_t known):
    """Index the first `known` words; gives what must be kept alive for them. Raises ValueError."""
    cdef int64_t row, first = -1
    own.starts = <uint32_t*>malloc((known + 1) * sizeof(uint32_t))
    if own.starts == NULL:
        raise MemoryError
    own.words, own.gap = known, 0
    kept = lines_of(own, words, known) if is_text(words) else join_words(own, words, known)
    with nogil:
        row = vocabulary_build(own, &first)
    if row == -2:
        raise MemoryError
    if row >= 0:
        word = (<const char*>own.text)[own.starts[row]:own.starts[row + 1] - own.gap].decode()
        raise word_twice(word, first, row)
    return kept


cdef object lines_of(Vocabulary* own, words, Py_ssize_t known):
    """words.txt as it lies, in any buffer: it is not copied."""
    cdef const uint8_t[::1] view = words
    cdef const uint8_t* at = &view[0]
    cdef const uint8_t* end = at + view.shape[0]
    cdef Py_ssize_t row
    PyUnicode_DecodeUTF8(<const char*>at, view.shape[0], NULL)  # raises UnicodeDecodeError, a ValueError
    own.text, own.gap = at, 1
    with nogil:
        for row in range(known):
            own.starts[row] = <uint32_t>(at - own.text)
            at = <const uint8_t*>memchr(at, c"\n", end - at) + 1  # check_table has counted them
        own.starts[known] = <uint32_t>(at - own.text)
    return view


cdef object join_words(Vocabulary* own, words, Py_ssize_t known):
    cdef Py_ssize_t row, size, total = 0
    cdef const char* word
    cdef list strings = list(words)
    for row in range(known):
        if not PyUnicode_CheckExact(strings[row]):
            strings[row] = str.__str__(strings[row])
        try:
            PyUnicode_AsUTF8AndSize(strings[row], &size)
        except UnicodeEncodeError:
            utf8(strings[row])  # raises what says more
        own.starts[row] = <uint32_t>total
        total += size
    check_text_size(total)
    own.starts[known] = <uint32_t>total
    text = PyBytes_FromStringAndSize(NULL, total)
    own.text = <const uint8_t*>PyBytes_AS_STRING(text)
    for row in range(known):
        word = PyUnicode_AsUTF8AndSize(strings[row], &size)
        memcpy(<void*>(own.text + own.starts[row]), word, size)
    return text


cdef bint prime(Tables* own, const uint8_t* chunk, Py_ssize_t size, const int32_t* rows, const uint8_t* ends, int count):
    """Enter a chunk, unless it is there; False where it is too long for that."""
    cdef uint8_t padded[PRIMED_BYTES + 8]
    cdef PrimedChunk* slot
    if not 0 < size <= PRIMED_BYTES or count > PRIMED_ROWS:
        return False
    memset(padded, 0, sizeof(padded))
    memcpy(padded, chunk, size)
    slot = primed_slot(&own.chunks, load_bytes(padded, 8), load_bytes(padded + 8, 8), size)
    if slot.size == 0:
        slot.words[0], slot.words[1] = load_bytes(padded, 8), load_bytes(padded + 8, 8)
        slot.size, slot.count = <uint8_t>size, <uint8_t>count
        memcpy(slot.rows, rows, count * sizeof(int32_t))
        if count > 1:  # `ends` may be NULL else
            memcpy(slot.ends, ends, count - 1)  # the last one ends with the chunk
    return True


cdef bint prime_word(Tables* own, const uint8_t* word, Py_ssize_t size, bint capital):
    """Enter one word of ASCII letters, where `capital` with a capital first."""
    cdef uint8_t copy[PRIMED_BYTES]
    cdef Py_ssize_t at
    cdef int32_t row
    if not 0 < size <= PRIMED_BYTES:
        return False
    for at in range(size):
        if not own.kinds[word[at]] & KIND_LETTER:
            return False
        copy[at] = word[at]
    if capital:
        copy[0] &= 0xDF
    row = plain_row(own, copy, size)
    return prime(own, copy, size, &row, NULL, 1)

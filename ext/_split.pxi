"""ASCII text to tokens, without the GIL: the rules of ext/text.py. Included by _words.pyx."""

cdef enum Kind:
    OTHER, SPACE, PUNCTUATION, LETTER, DIGIT

cdef struct Span:
    Py_ssize_t start
    Py_ssize_t size

cdef struct Spans:
    Span* at        # the first `room` of them are kept; NULL with no room: count only
    Py_ssize_t room
    Py_ssize_t count

cdef uint8_t[256] KIND
cdef uint8_t[256] LOWER
cdef uint8_t[256] SAME


def _classify():
    for code in range(256):
        character = chr(code)
        SAME[code] = code
        LOWER[code] = ord(character.lower()) if code < 128 else code
        if code < 128 and character.isspace():
            KIND[code] = SPACE
        elif code < 128 and character.isalpha():
            KIND[code] = LETTER
        elif code < 128 and character.isdigit():
            KIND[code] = DIGIT
        elif 32 < code < 127:
            KIND[code] = PUNCTUATION
        else:
            KIND[code] = OTHER

_classify()


cdef Py_ssize_t contraction(const uint8_t* text, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Bytes of the contraction that ends at `end` and lies within [begin, end); 0 if there is none."""
    cdef uint8_t last, second
    if end - begin < 2:
        return 0
    last = text[end - 1] | 32  # lower case, for letters
    if text[end - 2] == b"'":
        if last == b"s" or last == b"d" or last == b"m":
            return 2
        return 3 if last == b"t" and end - begin >= 3 and (text[end - 3] | 32) == b"n" else 0
    if end - begin < 3 or text[end - 3] != b"'":
        return 0
    second = text[end - 2] | 32
    if (second == b"r" and last == b"e") or (second == b"v" and last == b"e") or (second == b"l" and last == b"l"):
        return 3
    return 0


cdef inline void emit(Spans* spans, Py_ssize_t start, Py_ssize_t size) noexcept nogil:
    if spans.count < spans.room:
        spans.at[spans.count].start = start
        spans.at[spans.count].size = size
    spans.count += 1


cdef void split_chunk(const uint8_t* text, Py_ssize_t begin, Py_ssize_t stop, Spans* spans) noexcept nogil:
    cdef Py_ssize_t end = stop, size, at, start
    cdef uint8_t left, right
    while end > begin:
        size = contraction(text, begin, end)
        if size == 0 or size == end - begin:
            if KIND[text[end - 1]] != PUNCTUATION:
                break
            size = 1
        end -= size
    while begin < end and KIND[text[begin]] == PUNCTUATION and contraction(text, begin, end) != end - begin:
        emit(spans, begin, 1)
        begin += 1
    start = begin
    for at in range(begin + 1, end - 1):
        if text[at] == b"-":
            left, right = KIND[text[at - 1]], KIND[text[at + 1]]
            if left == right and (left == LETTER or left == DIGIT):
                emit(spans, start, at - start)
                emit(spans, at, 1)
                start = at + 1
    if start < end:
        emit(spans, start, end - start)
    # What was taken from the right end, now from left to right: no contraction begins another or ends in
    # punctuation, so the same cuts come out.
    while end < stop:
        size = 1
        if end + 3 <= stop and contraction(text, end, end + 3) == 3:
            size = 3
        elif end + 2 <= stop and contraction(text, end, end + 2) == 2:
            size = 2
        emit(spans, end, size)
        end += size


cdef Py_ssize_t split_ascii(const uint8_t* text, Py_ssize_t size, Span* at, Py_ssize_t room) noexcept nogil:
    """Write the first `room` tokens to `at`; the number of all."""
    cdef Spans spans
    cdef Py_ssize_t begin, end = 0
    spans.at, spans.room, spans.count = at, room, 0
    while end < size:
        begin = end
        while begin < size and KIND[text[begin]] == SPACE:
            begin += 1
        end = begin
        while end < size and KIND[text[end]] != SPACE:
            end += 1
        if begin < end:
            split_chunk(text, begin, end, &spans)
    return spans.count

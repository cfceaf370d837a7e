# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Chunks to tokens in C; ext/text.py's Splitter says in Python what it does, and tests hold the two equal."""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

cdef extern from "branches.h" nogil:
    ctypedef struct Branch:
        pass

    ctypedef struct Pattern:
        const Branch* branches
        const uint16_t* atoms
        const uint32_t* groups
        const uint16_t* members

    ctypedef struct Kinds:
        const uint32_t* starts
        const uint16_t* kinds
        int64_t runs
        const uint64_t* bits
        int64_t words

    uint16_t kind_of(const Kinds*, uint32_t code)
    int64_t match_end(const Kinds*, const Pattern*, const uint16_t* text, int64_t begin, int64_t at, int64_t end)
    int64_t match_begin(const Kinds*, const Pattern*, const uint16_t* text, int64_t begin, int64_t end)


cdef const void* first_of(array) except? NULL:
    """Where a contiguous array's numbers lie; something to point at where it has none."""
    return <const void*><size_t>array.ctypes.data


cdef class Cutter:
    """One language's prefixes, suffixes and infixes. Read-only once made, thread-safe under the GIL."""

    cdef Kinds kinds
    cdef Pattern prefix, suffix, infix
    cdef object tables          # kept alive for the pointers into them
    cdef dict exceptions
    cdef object other_prefix, other_suffix, other_infixes, token_match, url_match
    cdef Py_ssize_t longest     # exception, in characters

    def __cinit__(self, tables, dict exceptions, *, prefix, suffix, infixes, token_match, url_match):
        """`tables` are those of ext/branches.py. What tells a text's prefix, suffix and infixes where it has None is
        called with the text, and so are the matches, unless they are None.
        """
        self.tables, self.exceptions = tables, exceptions
        self.other_prefix, self.other_suffix, self.other_infixes = prefix, suffix, infixes
        self.token_match, self.url_match = token_match, url_match
        self.longest = max(map(len, exceptions), default=0)
        self.kinds.starts, self.kinds.runs = <const uint32_t*>first_of(tables.starts), len(tables.starts)
        self.kinds.kinds = <const uint16_t*>first_of(tables.kinds)
        self.kinds.bits, self.kinds.words = <const uint64_t*>first_of(tables.bits), tables.bits.shape[1]
        point(&self.prefix, tables.prefix)
        point(&self.suffix, tables.suffix)
        point(&self.infix, tables.infix)

    def cut(self, str chunk, Py_ssize_t most):
        """The first `most` tokens of a chunk without white space."""
        cdef Py_ssize_t size = len(chunk), at
        cdef uint16_t* text = <uint16_t*>malloc(size * (sizeof(uint16_t) + 2 * sizeof(int32_t)) + 8)
        cdef int32_t* marks         # where prefixes end, and from the other end where suffixes begin
        if text == NULL:
            raise MemoryError
        marks = <int32_t*>(<char*>text + (size * sizeof(uint16_t) + 7) // 4 * 4)
        try:
            for at in range(size):
                text[at] = kind_of(&self.kinds, <uint32_t><Py_UCS4>chunk[at])
            return self.cut_kinds(chunk, text, size, marks, most)
        finally:
            free(text)

    cdef list cut_kinds(
        self, str chunk, const uint16_t* text, Py_ssize_t size, int32_t* marks, Py_ssize_t most
    ):
        cdef int64_t begin = 0, end = size, before = -1, stop, start
        cdef Py_ssize_t begins = 0, ends = 0, at
        cdef int32_t* suffixes = marks + size
        cdef list tokens = []
        while begin < end and end - begin != before and begins < most:
            before = end - begin
            if self.is_exception(chunk, begin, end) or self.matches(self.token_match, chunk, begin, end):
                break
            stop = self.prefix_end(chunk, text, begin, end)
            if stop > begin and self.is_exception(chunk, stop, end):
                marks[begins] = begin = stop
                begins += 1
                break
            start = self.suffix_begin(chunk, text, stop, end)
            if start < end and self.is_exception(chunk, begin, start):
                suffixes[ends] = end = start
                ends += 1
                break
            if stop > begin:
                marks[begins] = begin = stop
                begins += 1
            if start < end:
                suffixes[ends] = end = start
                ends += 1
        for at in range(min(begins, most)):
            start = marks[at - 1] if at else 0
            tokens.append(chunk[start:marks[at]])
        if len(tokens) < most and begin < end:
            self.add_middle(tokens, chunk, text, begin, end, most)
        for at in range(min(ends, most - len(tokens))):
            start = suffixes[ends - 1 - at]
            stop = suffixes[ends - 2 - at] if at + 1 < ends else size
            tokens.append(chunk[start:stop])
        return tokens

    cdef int add_middle(
        self, list tokens, str chunk, const uint16_t* text, int64_t begin, int64_t end, Py_ssize_t most
    ) except -1:
        """Add what is left between the affixes to the tokens, until these are `most`."""
        cdef int64_t done = begin, at = begin, stop
        if self.is_exception(chunk, begin, end):
            tokens += self.exceptions[chunk[begin:end]][: most - len(tokens)]
            return 0
        if not (self.matches(self.token_match, chunk, begin, end) or self.matches(self.url_match, chunk, begin, end)):
            if self.other_infixes is not None:
                for infix in self.other_infixes(chunk[begin:end]):
                    if infix.start() > 0:
                        if begin + infix.start() > done:
                            tokens.append(chunk[done:begin + infix.start()])
                        if infix[0]:
                            tokens.append(infix[0])
                        done = begin + infix.end()
                    if len(tokens) >= most:
                        break
                at = end
            while at < end and len(tokens) < most:
                stop = match_end(&self.kinds, &self.infix, text, begin, at, end)
                if stop == at:
                    at += 1
                    continue
                if at > begin:
                    if at > done:
                        tokens.append(chunk[done:at])
                    if len(tokens) < most:
                        tokens.append(chunk[at:stop])
                    done = stop
                at = stop
        if done < end and len(tokens) < most:
            tokens.append(chunk[done:end])
        return 0

    cdef int64_t prefix_end(self, str chunk, const uint16_t* text, int64_t begin, int64_t end) except -1:
        if self.other_prefix is not None:
            return begin + <int64_t>self.other_prefix(chunk[begin:end])
        return match_end(&self.kinds, &self.prefix, text, begin, begin, end)

    cdef int64_t suffix_begin(self, str chunk, const uint16_t* text, int64_t begin, int64_t end) except -1:
        if begin == end:
            return end
        if self.other_suffix is not None:
            return end - <int64_t>self.other_suffix(chunk[begin:end])
        return match_begin(&self.kinds, &self.suffix, text, begin, end)

    cdef bint is_exception(self, str chunk, int64_t begin, int64_t end) except -1:
        return 0 < end - begin <= self.longest and chunk[begin:end] in self.exceptions

    cdef bint matches(self, match, str chunk, int64_t begin, int64_t end) except -1:
        return match is not None and match(chunk[begin:end]) is not None


cdef int point(Pattern* own, pattern) except -1:
    if pattern is None:
        return 0
    own.branches = <const Branch*>first_of(pattern.branches)
    own.atoms = <const uint16_t*>first_of(pattern.atoms)
    own.groups = <const uint32_t*>first_of(pattern.groups)
    own.members = <const uint16_t*>first_of(pattern.members)
    return 0


cdef class Joiner:
    """What is step 3 in ext/text.py, for texts of which the first tokens are wanted. Read-only once made, thread-safe.

    An exception that stands as several tokens is put right unless another one overlaps it that is longer, or as long
    and before it. So no more of the tokens is looked at than two sequences beyond the one that is told.
    """

    cdef dict exceptions, roots     # roots: token → what may follow → ...; None where a sequence may end
    cdef readonly Py_ssize_t longest    # sequence, in tokens

    def __cinit__(self, dict exceptions, sequences):
        self.exceptions, self.roots, self.longest = exceptions, {}, 1
        for sequence in sequences:
            node = self.roots
            for token in sequence:
                node = node.setdefault(token, {})
            node[None] = None
            self.longest = max(self.longest, len(sequence))

    @property
    def beyond(self):
        """How many tokens tell what becomes of one, beyond it."""
        return 2 * self.longest

    def join(self, chunks, Py_ssize_t most):
        """The first `most` tokens; `chunks` gives each chunk's, and whether a dropped blank follows it."""
        cdef list tokens = [], blanks = [], ends = [], done = [], chunk
        cdef Py_ssize_t at = 0, end
        cdef bint more = True
        while len(done) < most:
            while more and len(tokens) < at + self.beyond:
                chunk, blank = next(chunks, (None, None))
                more = chunk is not None
                if more:
                    tokens += chunk
                    blanks += [False] * (len(chunk) - 1)
                    blanks.append(blank)
            if at >= len(tokens):
                break
            while len(ends) < min(at + self.longest, len(tokens)):
                ends.append(self.end_of(tokens, len(ends)))
            end = ends[at]
            if end and self.stands(ends, at, end):
                text = "".join([tokens[at + i] + " " * blanks[at + i] for i in range(end - at)])
                text = text[:-1] if blanks[end - 1] else text
                done += self.exceptions.get(text, tokens[at:end])
                at = end
            else:
                done.append(tokens[at])
                at += 1
        return done[:most]

    cdef Py_ssize_t end_of(self, list tokens, Py_ssize_t at) except -1:
        """Where the longest sequence that begins at a token ends; 0 without one."""
        cdef dict node = self.roots
        cdef Py_ssize_t end = 0
        while at < len(tokens):
            node = node.get(tokens[at])
            if node is None:
                break
            at += 1
            if None in node:
                end = at
        return end

    cdef bint stands(self, list ends, Py_ssize_t at, Py_ssize_t end) except -1:
        """Whether nothing else is put right in its place."""
        cdef Py_ssize_t other, until
        for other in range(max(0, at - self.longest + 1), end):
            until = ends[other]
            if until > at and other != at and until - other >= end - at + (other > at):
                return False
        return True

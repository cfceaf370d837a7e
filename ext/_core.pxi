"""What is taken from the C headers beside it; each says what its functions promise. Included by _words.pyx."""

cdef extern from "reader.h" nogil:
    enum:
        PRIMED_BYTES, PRIMED_ROWS, SEEN_BYTES, SEEN_ROWS, SEEN_SETS, SEEN_WAYS, READER_MARGIN
        READ_ALL, READ_UNKNOWN, READ_DEPENDENT, KIND_LETTER, KIND_MARK, KIND_SPACE

    ctypedef struct Vocabulary:
        const uint8_t* text
        uint32_t* starts
        int64_t words, unknown_first
        uint64_t unknown_rows
        uint32_t gap

    uint64_t fnv1a(const uint8_t* text, size_t size)
    int64_t vocabulary_find(const Vocabulary*, uint64_t hash, const uint8_t* word, size_t size)
    int32_t vocabulary_row(const Vocabulary*, const uint8_t* word, size_t size)
    int64_t vocabulary_build(Vocabulary*, int64_t* first)
    void vocabulary_free(Vocabulary*)

    ctypedef struct PrimedChunk:
        uint64_t[2] words
        int32_t* rows
        uint8_t size, count
        uint8_t* ends

    ctypedef struct SeenChunk:
        int32_t* rows
        uint8_t* ends
        uint8_t size, count, dependent

    ctypedef struct Chunks:
        pass

    uint64_t load_bytes(const uint8_t* at, size_t size)
    bint chunks_make(Chunks*, uint64_t room, uint64_t seed)
    void chunks_free(Chunks*)
    PrimedChunk* primed_slot(const Chunks*, uint64_t first, uint64_t second, size_t size)
    void seen_keep(Chunks*, const uint8_t* text, SeenChunk*, bint known)

    ctypedef struct Tables:
        Vocabulary vocabulary
        Chunks chunks
        uint8_t* kinds
        int32_t* marks
        bint plain, lower

    ctypedef struct Reader:
        const uint8_t* text
        const uint8_t* end
        const uint8_t* at
        const uint8_t* chunk
        int32_t* rows
        uint32_t* spans
        int64_t room, count, most

    void start_reading(
        Reader*, uint8_t* copy, const uint8_t* text, size_t size, int32_t* rows, int64_t room
    )
    int32_t plain_row(const Tables*, const uint8_t* word, size_t size)
    void reader_token(Reader*, int32_t row, const uint8_t* end)
    int read_on(const Tables*, Reader*)

cdef extern from "gather.h" nogil:
    ctypedef struct Gather:
        const void* table
        int64_t width
        bint table_is_half, out_is_half, processor_converts
        const float* halves

    bint processor_converts_halves()
    void gather_question(const Gather*, const int32_t* rows, int64_t kept, int64_t tokens, void* out)

cdef extern from "pieces.h" nogil:
    ctypedef struct Characters:
        const uint16_t* blocks
        const uint16_t* entries
        const uint16_t* starts
        const uint32_t* mapped

    ctypedef struct Pieces:
        Vocabulary vocabulary
        Characters characters
        int32_t unknown

    ctypedef struct PieceReader:
        int64_t count

    void pieces_make(Pieces*)
    void start_pieces(PieceReader*, const uint8_t* text, size_t size, int32_t* rows, int64_t room, int64_t most)
    void read_pieces(const Pieces*, PieceReader*)

/* Functions compiled a second time for wider vectors, which is chosen where the processor has them: AVX2, since 2013.

   The results are the same, since no instruction that rounds otherwise comes with it (FMA is not part of AVX2). */
#ifndef ASKSIGHT_WIDE_H
#define ASKSIGHT_WIDE_H

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
/* NAME_wide(parameters) → int, from NAME and all that it calls. */
#define WIDE_TWIN(name, parameters, arguments) \
    __attribute__((target("avx2"), flatten)) static int name##_avx2 parameters { return name arguments; } \
    static inline int name##_wide parameters { \
        return __builtin_cpu_supports("avx2") ? name##_avx2 arguments : name arguments; \
    }
#else
#define WIDE_TWIN(name, parameters, arguments) \
    static inline int name##_wide parameters { return name arguments; }
#endif

#endif

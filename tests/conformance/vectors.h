/* Reads the cases of vectors.txt, which describes them. */
#ifndef L1L2_VECTORS_H
#define L1L2_VECTORS_H

#include <l1l2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { max_fields = 12, line_size = 1 << 16, memory_size = 1 << 23 };

/* A line, its fields, and memory for its arrays. */
typedef struct Case {
    char line[line_size];
    char *field[max_fields + 1], **output;
    l1l2_status status;
    uint64_t memory[memory_size / 8];
    size_t used; /* of these */
} Case;

typedef struct Array {
    l1l2_dtype dtype;
    size_t n, bytes;
    void* data;
} Array;

typedef int64_t Sums[L1L2_EXACT_SUMS_LENGTH];

static inline uint64_t hex(const char* text, size_t digits) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits; ++i)
        value = value << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    return value;
}

static inline double number(const char* text) {
    const uint64_t bits = hex(text, 16);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline Array array(Case* c, const char* dtype, const char* text) {
    char* pattern;
    Array a = {L1L2_BFLOAT16, (size_t)strtoull(text, &pattern, 10), 0, NULL};
    if (strncmp(dtype, "float32", 7) == 0) a.dtype = L1L2_FLOAT32;
    if (strncmp(dtype, "float64", 7) == 0) a.dtype = L1L2_FLOAT64;
    if (strncmp(dtype, "float16", 7) == 0) a.dtype = L1L2_FLOAT16;
    const size_t size = a.dtype == L1L2_FLOAT64 ? 8 : a.dtype == L1L2_FLOAT32 ? 4 : 2;
    const size_t period = strlen(++pattern) / (2 * size);
    a.bytes = a.n * size;
    a.data = c->memory + c->used;
    c->used += (a.bytes + 7) / 8;
    for (size_t i = 0; i < a.n; ++i) {
        const uint64_t bits = hex(pattern + i % period * 2 * size, 2 * size);
        if (size == 8) ((uint64_t*)a.data)[i] = bits;
        if (size == 4) ((uint32_t*)a.data)[i] = (uint32_t)bits;
        if (size == 2) ((uint16_t*)a.data)[i] = (uint16_t)bits;
    }
    return a;
}

static inline size_t parse_text(const char* text, char* out) {
    size_t n = 0;
    for (; *text != '-' && text[2 * n] != '\0'; ++n)
        out[n] = (char)hex(text + 2 * n, 2);
    return n;
}

static inline void parse_sums(const char* text, Sums sums) {
    memset(sums, 0, sizeof(Sums));
    while (*text != '-' && *text != '\0') {
        char* colon;
        const size_t index = (size_t)strtoull(text, &colon, 10), digits = strcspn(++colon, ",");
        const uint64_t bits = hex(colon, digits);
        memcpy(&sums[index], &bits, sizeof bits);
        text = colon + digits + (colon[digits] == ',');
    }
}

/* sums += other, number by number. */
static inline void add_numbers(int64_t* sums, const int64_t* other) {
    for (size_t i = 0; i < L1L2_EXACT_SUMS_LENGTH; ++i)
        sums[i] = (int64_t)((uint64_t)sums[i] + (uint64_t)other[i]);
}

/* The parts of exact sums, which end where the next begins; returns how many there are. */
static inline size_t split_parts(char* text, char** part) {
    size_t n = 0;
    for (part[n++] = text; (text = strchr(text, '+')) != NULL; part[n++] = text)
        *text++ = '\0';
    return n;
}

static inline int same(const void* a, const void* b, size_t n) {
    return n == 0 || memcmp(a, b, n) == 0;
}
static inline int is(double value, const char* expected) {
    const double other = number(expected);
    return same(&value, &other, sizeof value);
}

/* Reads the next line that is a case; returns whether there is one. *number is the line's. */
static inline int next_case(FILE* file, Case* c, long* number) {
    do {
        if (fgets(c->line, line_size, file) == NULL) return 0;
        ++*number;
    } while (c->line[0] == '#');
    size_t count = 0;
    memset(c->field, 0, sizeof c->field);
    for (char* word = c->line; *word != '\0' && count < max_fields;) {
        char* end = word + strcspn(word, " \n");
        c->field[count++] = word;
        word = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
    for (c->output = c->field; strcmp(*c->output, "->") != 0;)
        ++c->output;
    c->status = (l1l2_status)atoi(c->output[1]);
    c->output += 2;
    c->used = 0;
    return 1;
}

#endif

/*
 * Every case of vectors.txt through the C interface, to the bit.
 *
 *     conformance vectors FILE     on four threads at once
 *     conformance memory           that an array of 1 GiB is not copied
 *     conformance lifetimes        that what is destroyed is gone
 *     conformance overhead         what a call costs
 *     conformance isa              the instruction set that it takes
 *
 * With L1L2_CONFORMANCE_DLOPEN the library is opened at run time, from the path in the environment
 * variable L1L2_LIBRARY; else the program is linked with it.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef L1L2_CONFORMANCE_DLOPEN
#include "../../examples/c/dlopen/l1l2_api.h"

static l1l2_api api;
#define CALL(name) api.name
#else
#include <l1l2.h>
#define CALL(name) l1l2_##name
#endif

enum { threads = 4, max_fields = 12, max_parts = 4 };

static const char* vectors_path;

typedef struct Array {
    l1l2_dtype dtype;
    size_t n, bytes;
    unsigned char* elements;
} Array;

typedef struct Sums {
    int64_t number[L1L2_EXACT_SUMS_LENGTH];
} Sums;

/* A line's fields, what its outputs are compared with, and whether all agreed. */
typedef struct Case {
    long line;
    char* field[max_fields];
    size_t count;
    char** output;
    int failed;
} Case;

static void die(const char* what) {
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static void* allocate(size_t bytes) {
    void* const memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) die("out of memory");
    return memory;
}

static uint64_t parse_hex(const char* text, size_t digits) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
        const char* const hex = "0123456789abcdef";
        const char* const digit = text[i] != '\0' ? strchr(hex, text[i]) : NULL;
        if (digit == NULL) die("no hexadecimal number");
        value = value << 4 | (uint64_t)(digit - hex);
    }
    return value;
}

static double parse_double(const char* text) {
    const uint64_t bits = parse_hex(text, 16);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static l1l2_dtype parse_dtype(const char* name) {
    if (strcmp(name, "float32") == 0) return L1L2_FLOAT32;
    if (strcmp(name, "float64") == 0) return L1L2_FLOAT64;
    if (strcmp(name, "float16") == 0) return L1L2_FLOAT16;
    if (strcmp(name, "bfloat16") == 0) return L1L2_BFLOAT16;
    die("no dtype");
    return 0;
}

static size_t element_size(l1l2_dtype dtype) {
    return dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
}

static Array parse_array(const char* text, l1l2_dtype dtype) {
    char* pattern;
    const size_t size = element_size(dtype);
    Array array = {dtype, (size_t)strtoull(text, &pattern, 10), 0, NULL};
    if (*pattern++ != ':') die("no array");
    const size_t given = strlen(pattern) / (2 * size);
    if (given == 0 && array.n > 0) die("an array without elements");
    array.bytes = array.n * size;
    array.elements = allocate(array.bytes);
    for (size_t i = 0; i < array.n; ++i) {
        const uint64_t bits = parse_hex(pattern + i % given * 2 * size, 2 * size);
        const uint32_t bits32 = (uint32_t)bits;
        const uint16_t bits16 = (uint16_t)bits;
        const void* const element = size == 8   ? (const void*)&bits
                                    : size == 4 ? (const void*)&bits32
                                                : (const void*)&bits16;
        memcpy(array.elements + i * size, element, size);
    }
    return array;
}

/* The length goes to *length; the caller frees. */
static char* parse_text(const char* hex, size_t* length) {
    *length = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    char* const text = allocate(*length);
    for (size_t i = 0; i < *length; ++i)
        text[i] = (char)parse_hex(hex + 2 * i, 2);
    return text;
}

static Sums parse_sums(const char* text) {
    Sums sums = {{0}};
    if (strcmp(text, "-") == 0) return sums;
    for (;;) {
        char* colon;
        const size_t index = (size_t)strtoull(text, &colon, 10);
        if (*colon != ':' || index >= L1L2_EXACT_SUMS_LENGTH) die("no exact sums");
        const size_t digits = strcspn(colon + 1, ",");
        const uint64_t bits = parse_hex(colon + 1, digits);
        memcpy(&sums.number[index], &bits, sizeof bits);
        text = colon + 1 + digits;
        if (*text++ == '\0') return sums;
    }
}

static int succeeds(const Case* c) {
    return strcmp(c->output[0], "0") == 0;
}

static void fail(Case* c, const char* what) {
    fprintf(stderr, "%s:%ld: %s\n", vectors_path, c->line, what);
    c->failed = 1;
}

static void expect_status(Case* c, l1l2_status status) {
    if (status != atoi(c->output[0])) {
        fprintf(stderr, "%s:%ld: status %d\n", vectors_path, c->line, (int)status);
        c->failed = 1;
    }
}

static void expect_double(Case* c, double value, const char* expected) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits != parse_hex(expected, 16)) {
        fprintf(stderr, "%s:%ld: %016" PRIx64 "\n", vectors_path, c->line, bits);
        c->failed = 1;
    }
}

static void expect_array(Case* c, const Array* array, const char* expected) {
    Array other = parse_array(expected, array->dtype);
    if (other.n != array->n || memcmp(other.elements, array->elements, other.bytes) != 0)
        fail(c, "another array");
    free(other.elements);
}

/* Both take a handle that is NULL after a failure, and destroy it. */
static void expect_config(Case* c, l1l2_status status, l1l2_regularizer* regularizer) {
    double l1 = 0.0, l2 = 0.0;
    expect_status(c, status);
    if (status == L1L2_OK) {
        CALL(get_config)(regularizer, &l1, &l2);
        expect_double(c, l1, c->output[1]);
        expect_double(c, l2, c->output[2]);
    }
    CALL(destroy)(regularizer);
}

static l1l2_regularizer* create(const char* l1, const char* l2) {
    l1l2_regularizer* regularizer;
    if (CALL(create)(parse_double(l1), parse_double(l2), &regularizer) != L1L2_OK)
        die("no regularizer");
    return regularizer;
}

static void check_create(Case* c) {
    l1l2_regularizer* regularizer;
    const l1l2_status status =
        CALL(create)(parse_double(c->field[1]), parse_double(c->field[2]), &regularizer);
    expect_config(c, status, regularizer);
}

static void check_penalty(Case* c) {
    const l1l2_dtype dtype = parse_dtype(c->field[1]);
    l1l2_regularizer* const regularizer = create(c->field[2], c->field[3]);
    const Array x = parse_array(c->field[4], dtype);
    double penalty = -1.0;
    expect_status(c, CALL(penalty)(regularizer, dtype, x.elements, x.n, &penalty));
    if (c->failed == 0) expect_double(c, penalty, c->output[1]);
    free(x.elements);
    CALL(destroy)(regularizer);
}

static void check_add_gradient(Case* c) {
    const l1l2_dtype dtype = parse_dtype(c->field[1]);
    l1l2_regularizer* const regularizer = create(c->field[2], c->field[3]);
    const double scale = parse_double(c->field[4]);
    const Array x = parse_array(c->field[5], dtype);
    const Array gradient = parse_array(c->field[6], dtype);
    const Array alone = parse_array(c->field[6], dtype);
    double penalty = -1.0;
    const l1l2_status status =
        CALL(add_gradient)(regularizer, dtype, x.elements, x.n, scale, gradient.elements, &penalty);
    expect_status(c, status);
    expect_array(c, &gradient, status == L1L2_OK ? c->output[1] : c->field[6]);
    if (status == L1L2_OK)
        expect_double(c, penalty, c->output[2]);
    else if (penalty != -1.0)
        fail(c, "a penalty after a failure");
    /* The same without the penalty. */
    expect_status(
        c, CALL(add_gradient)(regularizer, dtype, x.elements, x.n, scale, alone.elements, NULL));
    if (memcmp(alone.elements, gradient.elements, alone.bytes) != 0) fail(c, "alone it differs");
    free(x.elements);
    free(gradient.elements);
    free(alone.elements);
    CALL(destroy)(regularizer);
}

static void check_prox(Case* c) {
    const l1l2_dtype dtype = parse_dtype(c->field[1]);
    l1l2_regularizer* const regularizer = create(c->field[2], c->field[3]);
    const double step = parse_double(c->field[4]);
    const Array x = parse_array(c->field[5], dtype);
    const Array out = parse_array(c->field[5], dtype);
    memset(out.elements, 0xA5, out.bytes);
    Array untouched = parse_array(c->field[5], dtype);
    memset(untouched.elements, 0xA5, out.bytes);
    const l1l2_status status = CALL(prox)(regularizer, dtype, x.elements, x.n, step, out.elements);
    expect_status(c, status);
    if (status == L1L2_OK)
        expect_array(c, &out, c->output[1]);
    else if (memcmp(out.elements, untouched.elements, out.bytes) != 0)
        fail(c, "written");
    /* The same in place. */
    expect_status(c, CALL(prox)(regularizer, dtype, x.elements, x.n, step, x.elements));
    expect_array(c, &x, status == L1L2_OK ? c->output[1] : c->field[5]);
    free(x.elements);
    free(out.elements);
    free(untouched.elements);
    CALL(destroy)(regularizer);
}

static void check_to_json(Case* c) {
    l1l2_regularizer* const regularizer = create(c->field[2], c->field[3]);
    size_t length = 0, expected_length;
    char text[256];
    char* const expected = parse_text(c->output[1], &expected_length);
    expect_status(c, CALL(to_json)(regularizer, atoi(c->field[1]), text, sizeof text, &length));
    if (length != expected_length || memcmp(text, expected, length) != 0) fail(c, text);
    free(expected);
    CALL(destroy)(regularizer);
}

static void check_from_json(Case* c) {
    size_t length;
    char message[256];
    char* const text = parse_text(c->field[1], &length);
    l1l2_regularizer* regularizer;
    const l1l2_status status = CALL(from_json)(text, length, &regularizer, message, sizeof message);
    expect_config(c, status, regularizer);
    if ((status == L1L2_OK) != (message[0] == '\0')) fail(c, "its message does not fit its status");
    free(text);
}

static int same_sums(const Sums* a, const Sums* b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* Adds a part to sums, which stay as they are if it cannot be added. */
static l1l2_status add_part(Case* c, Sums* sums, char* part) {
    const Sums before = *sums;
    char* const colon = strchr(part, ':');
    if (colon == NULL) die("no part");
    *colon = '\0';
    l1l2_status status;
    if (strcmp(part, "sums") == 0) {
        const Sums other = parse_sums(colon + 1);
        status = CALL(exact_sums_merge)(sums->number, other.number);
    } else {
        const Array x = parse_array(colon + 1, parse_dtype(part));
        status = CALL(exact_sums_add)(sums->number, x.dtype, x.elements, x.n);
        free(x.elements);
    }
    *colon = ':';
    if (status != L1L2_OK && !same_sums(sums, &before)) fail(c, "sums that fail have changed");
    return status;
}

/* The vector that a part is or makes, as it is. */
static Sums sums_of_part(Case* c, char* part) {
    static const char prefix[] = "sums:";
    if (strncmp(part, prefix, strlen(prefix)) == 0) return parse_sums(part + strlen(prefix));
    Sums sums = {{0}};
    if (add_part(c, &sums, part) != L1L2_OK) die("an array that cannot be added");
    return sums;
}

/* What is read from sums, and what they are when nothing is added to them or they to nothing. */
static void expect_sums(Case* c, const Sums* sums) {
    l1l2_regularizer* const regularizer = create(c->field[1], c->field[2]);
    const Sums zeros = {{0}};
    Sums form[] = {zeros, *sums, *sums};
    double penalty = -1.0, absolute = -1.0, square = -1.0;
    int64_t count = -1;
    expect_status(c, CALL(exact_sums_check)(sums->number));
    expect_status(c, CALL(exact_sums_read)(sums->number, &absolute, &square, &count));
    expect_status(c, CALL(penalty_exact_sums)(regularizer, sums->number, &penalty));
    expect_status(c, CALL(exact_sums_merge)(form[0].number, sums->number));
    expect_status(c, CALL(exact_sums_merge)(form[1].number, zeros.number));
    expect_status(c, CALL(exact_sums_add)(form[2].number, L1L2_FLOAT64, NULL, 0));
    if (succeeds(c)) {
        const Sums expected = parse_sums(c->output[5]);
        expect_double(c, penalty, c->output[1]);
        expect_double(c, absolute, c->output[2]);
        expect_double(c, square, c->output[3]);
        if (count != strtoll(c->output[4], NULL, 10)) fail(c, "another count");
        for (size_t i = 0; i < sizeof form / sizeof *form; ++i)
            if (!same_sums(&form[i], &expected)) fail(c, "other sums");
    } else if (penalty != -1.0 || absolute != -1.0 || square != -1.0 || count != -1) {
        fail(c, "a result after a failure");
    }
    CALL(destroy)(regularizer);
}

static void check_exact_sums(Case* c) {
    char* part[max_parts];
    size_t parts = 0;
    for (char* text = c->field[3]; text != NULL && parts < max_parts;) {
        part[parts++] = text;
        text = strchr(text, '+');
        if (text != NULL) *text++ = '\0';
    }

    /* All in one vector; each in one of its own, and these merged, the last one first. */
    Sums all = {{0}}, merged = {{0}}, added = {{0}};
    l1l2_status status = L1L2_OK;
    for (size_t i = 0; i < parts && status == L1L2_OK; ++i)
        status = add_part(c, &all, part[i]);
    expect_status(c, status);
    status = L1L2_OK;
    for (size_t i = parts; i-- > 0 && status == L1L2_OK;) {
        Sums one = {{0}};
        status = add_part(c, &one, part[i]);
        if (status == L1L2_OK) status = CALL(exact_sums_merge)(merged.number, one.number);
    }
    expect_status(c, status);
    if (succeeds(c)) {
        expect_sums(c, &all);
        if (!same_sums(&all, &merged)) fail(c, "merged they differ");
    }
    /* Or added element by element. */
    for (size_t i = 0; i < parts; ++i) {
        const Sums one = sums_of_part(c, part[i]);
        for (size_t j = 0; j < L1L2_EXACT_SUMS_LENGTH; ++j)
            added.number[j] = (int64_t)((uint64_t)added.number[j] + (uint64_t)one.number[j]);
    }
    expect_sums(c, &added);
}

static const struct Operation {
    const char* name;
    size_t inputs;
    size_t outputs;
    void (*check)(Case*);
} operations[] = {
    {"create", 2, 2, check_create},
    {"penalty", 4, 1, check_penalty},
    {"add_gradient", 6, 2, check_add_gradient},
    {"prox", 5, 1, check_prox},
    {"to_json", 3, 1, check_to_json},
    {"from_json", 1, 2, check_from_json},
    {"exact_sums", 3, 5, check_exact_sums},
};

static void check(Case* c) {
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; ++i) {
        const struct Operation* const operation = &operations[i];
        if (strcmp(c->field[0], operation->name) != 0) continue;
        const size_t arrow = operation->inputs + 1;
        if (c->count < arrow + 2 || strcmp(c->field[arrow], "->") != 0)
            die("a line of another shape");
        c->output = c->field + arrow + 1;
        if (c->count != arrow + 2 + (succeeds(c) ? operation->outputs : 0))
            die("a line of another length");
        operation->check(c);
        return;
    }
    die("an unknown operation");
}

static size_t split(char* line, char** field) {
    size_t count = 0;
    for (char* end; *line != '\0' && count < max_fields; line = end) {
        field[count++] = line;
        end = line + strcspn(line, " \n");
        if (*end != '\0') *end++ = '\0';
    }
    return count;
}

typedef struct Result {
    long cases, failed;
} Result;

static void* check_file(void* out) {
    Result* const result = out;
    FILE* const file = fopen(vectors_path, "r");
    if (file == NULL) die("the vectors cannot be opened");
    const size_t capacity = 1 << 16;
    char* const line = allocate(capacity);
    Case c = {0};
    while (fgets(line, (int)capacity, file) != NULL) {
        if (strlen(line) == capacity - 1) die("a line that is too long");
        ++c.line;
        if (line[0] == '#') continue;
        c.failed = 0;
        c.count = split(line, c.field);
        check(&c);
        ++result->cases;
        result->failed += c.failed;
    }
    free(line);
    fclose(file);
    return NULL;
}

static int check_vectors(const char* path) {
    if (CALL(exact_sums_length)() != L1L2_EXACT_SUMS_LENGTH) die("sums of another length");
    vectors_path = path;
    pthread_t thread[threads];
    Result result[threads] = {{0, 0}};
    for (int i = 0; i < threads; ++i) {
        if (pthread_create(&thread[i], NULL, check_file, &result[i]) != 0) die("no thread");
    }
    long failed = 0;
    for (int i = 0; i < threads; ++i) {
        pthread_join(thread[i], NULL);
        failed += result[i].failed;
    }
    if (failed > 0) return 1;
    printf("%ld cases, all bits equal\n", result[0].cases);
    return 0;
}

/* The most memory that the process has had so far, in KiB. */
static long peak_memory(void) {
    char line[256];
    long kib = -1;
    FILE* const status = fopen("/proc/self/status", "r");
    if (status == NULL) die("no /proc");
    while (fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
    }
    fclose(status);
    return kib;
}

static int check_memory(void) {
    const size_t n = (size_t)1 << 28;
    float* const x = allocate(n * sizeof *x);
    for (size_t i = 0; i < n; ++i)
        x[i] = 1.0f;
    l1l2_regularizer* regularizer;
    if (CALL(create)(0.01, 0.02, &regularizer) != L1L2_OK) die("no regularizer");
    const long before = peak_memory();
    double penalty = 0.0, absolute = 0.0;
    Sums sums = {{0}};
    CALL(penalty)(regularizer, L1L2_FLOAT32, x, n, &penalty);
    CALL(exact_sums_add)(sums.number, L1L2_FLOAT32, x, n);
    CALL(exact_sums_read)(sums.number, &absolute, NULL, NULL);
    CALL(prox)(regularizer, L1L2_FLOAT32, x, n, 1.0, x);
    const long rise = peak_memory() - before;
    CALL(destroy)(regularizer);
    if (penalty != (0.01 + 0.02) * (double)n || absolute != (double)n || x[n - 1] >= 1.0f)
        die("a wrong result");
    free(x);
    printf("an array of 1024 MiB: peak memory rose by %ld KiB\n", rise);
    return 0;
}

static int check_lifetimes(void) {
    enum { handles = 1000000, limit_kib = 8 * 1024 };
    long before = 0;
    for (int i = 0; i < handles; ++i) {
        if (i == handles / 100) before = peak_memory();
        l1l2_regularizer* regularizer;
        if (CALL(create)(0.01, 0.02, &regularizer) != L1L2_OK) die("no regularizer");
        CALL(destroy)(regularizer);
    }
    CALL(destroy)(NULL);
    if (peak_memory() - before >= limit_kib) die("memory is left");
    puts("handles are released");
    return 0;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_value(const void* a, const void* b) {
    const double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

static int measure_overhead(void) {
    enum { calls = 100000, repetitions = 31 };
    static double empty[repetitions], full[repetitions];
    float x[16];
    for (int i = 0; i < 16; ++i)
        x[i] = (float)i;
    l1l2_regularizer* regularizer;
    if (CALL(create)(0.01, 0.02, &regularizer) != L1L2_OK) die("no regularizer");
    for (int r = 0; r < repetitions; ++r) {
        double penalty;
        const double start = now();
        for (int i = 0; i < calls; ++i)
            (void)CALL(version_number)();
        const double middle = now();
        for (int i = 0; i < calls; ++i)
            CALL(penalty)(regularizer, L1L2_FLOAT32, x, 16, &penalty);
        empty[r] = (middle - start) / calls;
        full[r] = (now() - middle) / calls;
    }
    CALL(destroy)(regularizer);
    qsort(empty, repetitions, sizeof *empty, by_value);
    qsort(full, repetitions, sizeof *full, by_value);
    printf("empty call %.1f ns, penalty of 16 elements %.1f ns\n", empty[repetitions / 2],
           full[repetitions / 2]);
    return 0;
}

int main(int argc, char** argv) {
#ifdef L1L2_CONFORMANCE_DLOPEN
    const char* const library = getenv("L1L2_LIBRARY");
    const char* const error = l1l2_api_open(&api, library != NULL ? library : "libl1l2.so.0");
    if (error != NULL) die(error);
#endif
    if (argc == 3 && strcmp(argv[1], "vectors") == 0) return check_vectors(argv[2]);
    if (argc == 2 && strcmp(argv[1], "memory") == 0) return check_memory();
    if (argc == 2 && strcmp(argv[1], "lifetimes") == 0) return check_lifetimes();
    if (argc == 2 && strcmp(argv[1], "overhead") == 0) return measure_overhead();
    if (argc == 2 && strcmp(argv[1], "isa") == 0) return puts(CALL(isa)()) == EOF;
    die("usage: conformance vectors FILE | memory | lifetimes | overhead | isa");
}

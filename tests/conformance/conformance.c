/*
 * Every case of vectors.txt through the C interface, to the bit:
 *     conformance vectors FILE     prints FILE:LINE for each case that differs
 *     conformance isa              prints the instruction set in use
 * With L1L2_CONFORMANCE_DLOPEN the library is opened at run time, the one that L1L2_LIBRARY names
 * or libl1l2.so.0.
 */
#include "conformance_sums.h"
#include "library.h"
#include "vectors.h"

/* Whether a new regularizer is that of the outputs; destroys it. */
static int has_config(Case* c, l1l2_status status, l1l2_regularizer* r) {
    double l1 = -1, l2 = -1;
    const int read = CALL(get_config)(r, &l1, &l2) == L1L2_OK;
    CALL(destroy)(r);
    if (status != c->status) return 0;
    return status != L1L2_OK ? !read : is(l1, c->output[0]) && is(l2, c->output[1]);
}

static int check_create(Case* c, l1l2_regularizer* r) {
    const l1l2_status status = CALL(create)(number(c->field[1]), number(c->field[2]), &r);
    return has_config(c, status, r);
}

static int check_from_json(Case* c, l1l2_regularizer* r) {
    char text[line_size], message[256];
    const size_t n = parse_text(c->field[1], text);
    const l1l2_status status = CALL(from_json)(text, n, &r, message, sizeof message);
    return has_config(c, status, r) && (status == L1L2_OK) == (message[0] == '\0');
}

static int check_to_json(Case* c, l1l2_regularizer* r) {
    char text[256], expected[256];
    size_t n = 0;
    const l1l2_status status = CALL(to_json)(r, atoi(c->field[1]), text, sizeof text, &n);
    return status == c->status && n == parse_text(c->output[0], expected) &&
           same(text, expected, n);
}

static int check_penalty(Case* c, l1l2_regularizer* r) {
    const Array x = array(c, c->field[1], c->field[4]);
    double penalty = -1;
    return CALL(penalty)(r, x.dtype, x.data, x.n, &penalty) == c->status &&
           is(penalty, c->output[0]);
}

static int check_add_gradient(Case* c, l1l2_regularizer* r) {
    const int ok = c->status == L1L2_OK;
    const Array x = array(c, c->field[1], c->field[5]);
    const Array expected = array(c, c->field[1], ok ? c->output[0] : c->field[6]);
    const Array g = array(c, c->field[1], c->field[6]), alone = array(c, c->field[1], c->field[6]);
    const double scale = number(c->field[4]);
    double penalty = -1;
    return CALL(add_gradient)(r, x.dtype, x.data, x.n, scale, g.data, &penalty) == c->status &&
           CALL(add_gradient)(r, x.dtype, x.data, x.n, scale, alone.data, NULL) == c->status &&
           (ok ? is(penalty, c->output[1]) : penalty == -1) &&
           same(g.data, expected.data, g.bytes) && same(alone.data, expected.data, g.bytes);
}

static int check_prox(Case* c, l1l2_regularizer* r) {
    const char* const expected = c->status == L1L2_OK ? c->output[0] : c->field[5];
    const Array x = array(c, c->field[1], c->field[5]), out = array(c, c->field[1], c->field[5]);
    const Array result = array(c, c->field[1], expected), filled = array(c, c->field[1], expected);
    memset(out.data, 0xa5, out.bytes);
    if (c->status != L1L2_OK) memset(filled.data, 0xa5, filled.bytes);
    const double step = number(c->field[4]);
    return CALL(prox)(r, x.dtype, x.data, x.n, step, out.data) == c->status &&
           same(out.data, filled.data, out.bytes) &&
           CALL(prox)(r, x.dtype, x.data, x.n, step, x.data) == c->status &&
           same(x.data, result.data, x.bytes);
}

static const struct Operation {
    const char* name;
    size_t coefficients; /* the field of the first; 0 if the check makes its own regularizer */
    int (*check)(Case*, l1l2_regularizer*);
} operations[] = {
    {"create", 0, check_create},
    {"from_json", 0, check_from_json},
    {"to_json", 2, check_to_json},
    {"penalty", 2, check_penalty},
    {"add_gradient", 2, check_add_gradient},
    {"prox", 2, check_prox},
    {"exact_sums", 1, check_exact_sums},
};

int main(int argc, char** argv) {
#ifdef L1L2_CONFORMANCE_DLOPEN
    const char* const library = getenv("L1L2_LIBRARY");
    const char* const error = l1l2_api_open(&api, library != NULL ? library : "libl1l2.so.0");
    if (error != NULL) return fprintf(stderr, "%s\n", error), 2;
#endif
    if (argc == 2 && strcmp(argv[1], "isa") == 0) return puts(CALL(isa)()) == EOF;
    FILE* const file = argc == 3 ? fopen(argv[2], "r") : NULL;
    if (file == NULL) return fputs("usage: conformance vectors FILE | isa\n", stderr), 2;
    static Case c;
    long cases = 0, differ = 0;
    for (long line = 0; next_case(file, &c, &line); ++cases) {
        const struct Operation* o = operations;
        while (strcmp(o->name, c.field[0]) != 0)
            ++o;
        l1l2_regularizer* r = NULL;
        if (o->coefficients != 0) {
            char* const* const l = c.field + o->coefficients;
            CALL(create)(number(l[0]), number(l[1]), &r);
        }
        if (!o->check(&c, r)) {
            fprintf(stderr, "%s:%ld: %s differs\n", argv[2], line, o->name);
            ++differ;
        }
        CALL(destroy)(r);
    }
    if (differ == 0) printf("%ld cases, all bits equal\n", cases);
    return differ != 0 || cases == 0;
}

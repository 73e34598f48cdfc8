/* The cases of exact sums through the C interface. */
#ifndef L1L2_CONFORMANCE_SUMS_H
#define L1L2_CONFORMANCE_SUMS_H

#include "library.h"
#include "vectors.h"

/* Adds a part of exact sums; a failure leaves the sums as they were. */
static l1l2_status add_part(Case* c, const char* part, int64_t* sums) {
    Sums other, before;
    memcpy(before, sums, sizeof before);
    l1l2_status status;
    if (strncmp(part, "sums:", 5) == 0) {
        parse_sums(part + 5, other);
        status = CALL(exact_sums_merge)(sums, other);
    } else {
        const Array x = array(c, part, strchr(part, ':') + 1);
        status = CALL(exact_sums_add)(sums, x.dtype, x.data, x.n);
    }
    return status == L1L2_OK || same(sums, before, sizeof before) ? status : -1;
}

/* Whether sums read as the outputs say, also after nothing was added to them or they to nothing. */
static int has_results(Case* c, l1l2_regularizer* r, const int64_t* sums) {
    static const Sums zeros = {0};
    double penalty = -1, absolute = -1, square = -1;
    int64_t count = -1;
    Sums form[3] = {{0}}, expected;
    memcpy(form[1], sums, sizeof(Sums));
    memcpy(form[2], sums, sizeof(Sums));
    if (CALL(exact_sums_check)(sums) != c->status ||
        CALL(exact_sums_read)(sums, &absolute, &square, &count) != c->status ||
        CALL(penalty_exact_sums)(r, sums, &penalty) != c->status ||
        CALL(exact_sums_merge)(form[0], sums) != c->status ||
        CALL(exact_sums_merge)(form[1], zeros) != c->status ||
        CALL(exact_sums_add)(form[2], L1L2_FLOAT64, NULL, 0) != c->status)
        return 0;
    if (c->status != L1L2_OK) return penalty + absolute + square == -3 && count == -1;
    parse_sums(c->output[4], expected);
    return is(penalty, c->output[0]) && is(absolute, c->output[1]) && is(square, c->output[2]) &&
           count == strtoll(c->output[3], NULL, 10) && same(form[0], expected, sizeof expected) &&
           same(form[1], expected, sizeof expected) && same(form[2], expected, sizeof expected);
}

/* All parts in one accumulator; each in its own, merged backwards; or all numbers added up. */
static int check_exact_sums(Case* c, l1l2_regularizer* r) {
    char* part[max_fields];
    const size_t n = split_parts(c->field[3], part);
    Sums all = {0}, merged = {0}, added = {0};
    l1l2_status in_order = L1L2_OK, backwards = L1L2_OK;
    for (size_t i = 0; i < n && in_order == L1L2_OK; ++i)
        in_order = add_part(c, part[i], all);
    for (size_t i = n; i-- > 0 && backwards == L1L2_OK;) {
        Sums one = {0};
        backwards = add_part(c, part[i], one);
        if (backwards == L1L2_OK) backwards = CALL(exact_sums_merge)(merged, one);
    }
    for (size_t i = 0; i < n; ++i) {
        Sums one = {0};
        if (strncmp(part[i], "sums:", 5) == 0)
            parse_sums(part[i] + 5, one);
        else
            add_part(c, part[i], one);
        add_numbers(added, one);
    }
    const int ok = c->status == L1L2_OK;
    return in_order == c->status && backwards == c->status && has_results(c, r, added) &&
           (!ok || (has_results(c, r, all) && has_results(c, r, merged)));
}

#endif

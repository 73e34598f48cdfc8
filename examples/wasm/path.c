/* SPDX-FileCopyrightText: 2026 The l1l2 authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What page.html draws, computed by the library: the penalty and its proximal operator as functions
 * of one weight, and the path of elastic nets over l1 for the diabetes data set. The compiler of a
 * page keeps these functions; another compiler makes a program that prints the bits of the path,
 * with which the page's are compared:
 *
 *     path DATA.csv L2
 */
#include <l1l2.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __EMSCRIPTEN__
#include <emscripten.h>
#else
#define EMSCRIPTEN_KEEPALIVE
#endif

enum { FEATURES = 10, STRIDE = FEATURES + 1, MOST_PATIENTS = 1000, MOST_STEPS = 20000 };

/* f(w) = w' gram w / 2 - correlation' w is the mean square error over 2, but for a constant. */
static double gram[FEATURES][FEATURES], correlation[FEATURES];

/* Reads the columns, the last of which is y, and gives each of the others mean 0 and variance 1.
 * Returns 0, or 1 if the file is not what is expected. */
EMSCRIPTEN_KEEPALIVE int load(const char* path) {
    static double row[MOST_PATIENTS][STRIDE];
    size_t n = 0, read = 0;
    FILE* file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*[^\n]") != 0) return 1;
    while (n < MOST_PATIENTS && fscanf(file, "%lf%*[,\n]", &row[n][read % STRIDE]) == 1)
        n = ++read / STRIDE;
    fclose(file);
    if (n < 2 || read % STRIDE != 0) return 1;
    for (size_t j = 0; j < STRIDE; ++j) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < n; ++i)
            mean += row[i][j] / (double)n;
        for (size_t i = 0; i < n; ++i) {
            row[i][j] -= mean;
            variance += row[i][j] * row[i][j] / (double)n;
        }
        for (size_t i = 0; j < FEATURES && i < n; ++i)
            row[i][j] /= sqrt(variance);
    }
    memset(gram, 0, sizeof gram);
    memset(correlation, 0, sizeof correlation);
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < FEATURES; ++j) {
            for (size_t k = 0; k < FEATURES; ++k)
                gram[j][k] += row[i][j] * row[i][k] / (double)n;
            correlation[j] += row[i][j] * row[i][FEATURES] / (double)n;
        }
    return 0;
}

/* From the smallest l1 at which all weights are 0 on, each 0.9 of the one before: the weights that
 * minimize f(w) + l1 |w| + l2 |w|^2, by proximal gradient descent from the weights before. Returns
 * 0, or the library's status. */
EMSCRIPTEN_KEEPALIVE int elastic_nets(double l2, size_t count, double* l1,
                                      double (*weights)[FEATURES]) {
    double w[FEATURES] = {0}, before[FEATURES], gradient[FEATURES], curvature = 0, greatest = 0;
    for (size_t j = 0; j < FEATURES; ++j) {
        curvature += gram[j][j]; /* at least that of f in any direction */
        greatest = fmax(greatest, fabs(correlation[j]));
    }
    for (size_t i = 0; i < count; ++i) {
        l1l2_regularizer* regularizer = NULL;
        l1[i] = i == 0 ? greatest : 0.9 * l1[i - 1];
        l1l2_status status = l1l2_create(l1[i], l2, &regularizer);
        double moved = 1;
        for (int steps = 0; status == L1L2_OK && moved > 1e-6 && steps < MOST_STEPS; ++steps) {
            for (size_t j = 0; j < FEATURES; ++j) {
                gradient[j] = -correlation[j];
                for (size_t k = 0; k < FEATURES; ++k)
                    gradient[j] += gram[j][k] * w[k];
            }
            memcpy(before, w, sizeof w);
            status = l1l2_prox_step(regularizer, L1L2_FLOAT64, w, FEATURES, gradient, 1 / curvature,
                                    NULL, w);
            moved = 0;
            for (size_t j = 0; j < FEATURES; ++j)
                moved = fmax(moved, fabs(w[j] - before[j]));
        }
        l1l2_destroy(regularizer);
        if (status != L1L2_OK) return status;
        memcpy(weights[i], w, sizeof w);
    }
    return 0;
}

/* The penalty of each x alone, and where its proximal step of length 1 takes it. Returns 0, or the
 * library's status. */
EMSCRIPTEN_KEEPALIVE int curves(const double* x, size_t n, double l1, double l2, double* penalty,
                                double* prox) {
    l1l2_regularizer* regularizer = NULL;
    l1l2_status status = l1l2_create(l1, l2, &regularizer);
    for (size_t i = 0; status == L1L2_OK && i < n; ++i)
        status = l1l2_penalty(regularizer, L1L2_FLOAT64, x + i, 1, penalty + i);
    if (status == L1L2_OK) status = l1l2_prox(regularizer, L1L2_FLOAT64, x, n, 1.0, prox);
    l1l2_destroy(regularizer);
    return status;
}

#ifndef __EMSCRIPTEN__
int main(int count, char** argument) {
    enum { NETS = 66 };
    static double l1[NETS], weights[NETS][FEATURES];
    if (count != 3 || load(argument[1]) != 0) {
        fprintf(stderr, "path DATA.csv L2\n");
        return 1;
    }
    const int status = elastic_nets(atof(argument[2]), NETS, l1, weights);
    for (size_t i = 0; i < NETS; ++i)
        for (size_t j = 0; j < FEATURES; ++j) {
            uint64_t bits;
            memcpy(&bits, &weights[i][j], sizeof bits);
            printf("%016llx\n", (unsigned long long)bits);
        }
    return status;
}
#endif

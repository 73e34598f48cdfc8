/* SPDX-FileCopyrightText: 2026 The l1l2 authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The elastic net, trained by proximal gradient descent with the library's proximal step.
 *
 *     train DATA.csv [REFERENCE.csv]
 *
 * For each l1_ratio and alpha it finds the w that minimizes
 *
 *     |y - X w|^2 / (2 n)  +  alpha * l1_ratio * sum(|w|)  +  alpha * (1 - l1_ratio) / 2 * sum(w^2)
 *
 * which is what scikit-learn's ElasticNet minimizes. X is all columns of DATA but the last, each
 * with mean 0 and variance 1; y is the last one without its mean, which is the intercept. A dot
 * stands for a coefficient that is exactly 0.
 *
 * REFERENCE has l1_ratio, alpha, intercept and a coefficient for each column of X, and the program
 * fails unless it finds the same. Without it alpha goes down from where all coefficients are 0.
 */
#include <errno.h>
#include <l1l2.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 64, MAX_LINE = 4096, MAX_ITERATIONS = 100000 };

/* The columns of a reference before its coefficients. */
enum { L1_RATIO, ALPHA, INTERCEPT, COEFFICIENTS };

/* The path that is taken without a reference. */
enum { PATH_LENGTH = 13, PATH_PER_DECADE = 4 };
static const double path_l1_ratio = 0.5;

/* How small a subgradient ends the iteration, as a part of the largest derivative at w = 0. */
static const double tolerance = 1e-12;

/* How far a coefficient may be from the reference's, as a part of the largest one there. */
static const double agreement = 1e-9;

/* A CSV file of numbers below a line of names. Row i is line i + 2 of the file. */
struct table {
    const char* path;
    size_t rows, columns;
    char names_line[MAX_LINE];
    const char* names[MAX_COLUMNS]; /* in names_line */
    double* values;                 /* row by row */
};

/* f(w) = |y - X w|^2 / (2 n) */
struct problem {
    size_t n, p;
    const double* x; /* row by row, with stride p + 1 */
    const double* y; /* with the same stride: X and y are the columns of one table */
    double y_mean;
    double step;  /* 1 / L, where L is a bound of the curvature of f */
    double scale; /* the largest derivative at w = 0, without a sign */
};

static void fail(const char* format, ...) {
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void check(l1l2_status status, const char* function) {
    if (status != L1L2_OK) fail("%s: %s", function, l1l2_status_string(status));
}

static void read_names(struct table* table, const char* line) {
    char* name = strcpy(table->names_line, line);
    table->columns = 0;
    while (name != NULL) {
        if (table->columns == MAX_COLUMNS)
            fail("%s:1: has more than %d columns", table->path, MAX_COLUMNS);
        table->names[table->columns++] = name;
        name = strchr(name, ',');
        if (name != NULL) *name++ = '\0';
    }
}

static void read_numbers(const struct table* table, size_t number, const char* line,
                         double* values) {
    for (size_t j = 0; j < table->columns; ++j) {
        char* end;
        values[j] = strtod(line, &end);
        if (end == line || (*end != ',' && *end != '\0') || !isfinite(values[j]))
            fail("%s:%zu: %s is not a finite number: \"%.*s\"", table->path, number,
                 table->names[j], (int)strcspn(line, ","), line);
        if ((*end == '\0') != (j + 1 == table->columns))
            fail("%s:%zu: has %s than %zu fields", table->path, number,
                 *end == '\0' ? "fewer" : "more", table->columns);
        line = end + 1;
    }
}

static void read_table(struct table* table, const char* path) {
    char line[MAX_LINE];
    size_t capacity = 0, number = 0;
    FILE* file = fopen(path, "r");
    if (file == NULL) fail("%s: cannot be opened: %s", path, strerror(errno));
    *table = (struct table){.path = path};
    while (fgets(line, MAX_LINE, file) != NULL) {
        ++number;
        if (strchr(line, '\n') == NULL && !feof(file))
            fail("%s:%zu: is longer than %d bytes or has a NUL", path, number, MAX_LINE - 2);
        line[strcspn(line, "\r\n")] = '\0';
        if (number == 1) {
            read_names(table, line);
            continue;
        }
        if (table->rows == capacity) {
            capacity = 2 * capacity + 64;
            table->values = realloc(table->values, capacity * table->columns * sizeof(double));
            if (table->values == NULL) fail("%s:%zu: out of memory", path, number);
        }
        read_numbers(table, number, line, table->values + table->rows++ * table->columns);
    }
    if (ferror(file)) fail("%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
}

/* Takes the mean from a column and returns it; makes the variance 1, if that is asked for. */
static double standardize(struct table* table, size_t column, int to_variance_one) {
    const size_t n = table->rows, stride = table->columns;
    double* values = table->values + column;
    double mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < n; ++i)
        mean += values[i * stride] / (double)n;
    for (size_t i = 0; i < n; ++i) {
        values[i * stride] -= mean;
        variance += values[i * stride] * values[i * stride] / (double)n;
    }
    /* The mean of equal numbers may be off by a rounding error. */
    if (!(variance > 1e-24 * mean * mean) || !isfinite(variance))
        fail("%s: the variance of %s is 0 or infinite", table->path, table->names[column]);
    for (size_t i = 0; to_variance_one && i < n; ++i)
        values[i * stride] /= sqrt(variance);
    return mean;
}

/* Computes  f(w)  and its gradient  X' (X w - y) / n. */
static double loss(const struct problem* problem, const double* w, double* gradient) {
    const size_t n = problem->n, p = problem->p;
    double sum = 0.0;
    for (size_t j = 0; j < p; ++j)
        gradient[j] = 0.0;
    for (size_t i = 0; i < n; ++i) {
        const double* row = problem->x + i * (p + 1);
        double residual = -problem->y[i * (p + 1)];
        for (size_t j = 0; j < p; ++j)
            residual += row[j] * w[j];
        for (size_t j = 0; j < p; ++j)
            gradient[j] += row[j] * residual / (double)n;
        sum += residual * residual;
    }
    return sum / (2.0 * (double)n);
}

/* The curvature of f: the largest eigenvalue of X'X / n, by power iteration. */
static double curvature(const struct problem* problem) {
    double at_zero[MAX_COLUMNS], v[MAX_COLUMNS] = {0.0}, image[MAX_COLUMNS];
    double eigenvalue = 0.0, before;
    loss(problem, v, at_zero);
    /* A start without symmetry, so that no eigenvector of ordinary data is orthogonal to it. */
    for (size_t j = 0; j < problem->p; ++j)
        image[j] = 1.0 + (double)j / MAX_COLUMNS;
    do {
        double square = 0.0;
        for (size_t j = 0; j < problem->p; ++j)
            square += image[j] * image[j];
        before = eigenvalue;
        eigenvalue = sqrt(square);
        for (size_t j = 0; j < problem->p; ++j)
            v[j] = image[j] / eigenvalue;
        /* The gradient is affine; without its value at 0 it is the matrix alone. */
        loss(problem, v, image);
        for (size_t j = 0; j < problem->p; ++j)
            image[j] -= at_zero[j];
    } while (fabs(eigenvalue - before) > 1e-6 * eigenvalue);
    return eigenvalue;
}

static void prepare(struct problem* problem, struct table* data) {
    double w[MAX_COLUMNS] = {0.0}, gradient[MAX_COLUMNS];
    if (data->columns < 2 || data->rows < 2)
        fail("%s: has %zu columns and %zu rows, too few", data->path, data->columns, data->rows);
    problem->n = data->rows;
    problem->p = data->columns - 1;
    problem->x = data->values;
    problem->y = data->values + problem->p;
    for (size_t j = 0; j < problem->p; ++j)
        standardize(data, j, 1);
    problem->y_mean = standardize(data, problem->p, 0);
    /* Power iteration comes from below; a percent more is a step that surely is not too long. */
    problem->step = 1.0 / (1.01 * curvature(problem));
    loss(problem, w, gradient);
    problem->scale = 0.0;
    for (size_t j = 0; j < problem->p; ++j)
        problem->scale = fmax(problem->scale, fabs(gradient[j]));
}

/*
 * Moves w to the minimum: FISTA (Beck and Teboulle, "A fast iterative shrinkage-thresholding
 * algorithm", SIAM J. Imaging Sciences 2, 2009), started anew where its momentum points uphill
 * (O'Donoghue and Candes, "Adaptive restart for accelerated gradient schemes", Found. Comput. Math.
 * 15, 2015). Returns the number of iterations.
 *
 * It ends on  |z - prox(z - step * gradient f(z))| / step.  Where that is e, the whole objective
 * has at the prox a subgradient of at most 2 e, because f's gradient changes by e at most on the
 * way.
 */
static int solve(const struct problem* problem, const l1l2_regularizer* regularizer, double* w) {
    double z[MAX_COLUMNS], next[MAX_COLUMNS], gradient[MAX_COLUMNS];
    double t = 1.0;
    memcpy(z, w, problem->p * sizeof *z);
    for (int iteration = 1; iteration <= MAX_ITERATIONS; ++iteration) {
        double square = 0.0, uphill = 0.0, momentum = 0.0, next_t = 1.0;
        loss(problem, z, gradient);
        for (size_t j = 0; j < problem->p; ++j)
            next[j] = z[j] - problem->step * gradient[j];
        check(l1l2_prox(regularizer, L1L2_FLOAT64, next, problem->p, problem->step, next),
              "l1l2_prox");
        for (size_t j = 0; j < problem->p; ++j) {
            square += (z[j] - next[j]) * (z[j] - next[j]);
            uphill += (z[j] - next[j]) * (next[j] - w[j]);
        }
        if (uphill <= 0.0) {
            next_t = (1.0 + sqrt(1.0 + 4.0 * t * t)) / 2.0;
            momentum = (t - 1.0) / next_t;
        }
        for (size_t j = 0; j < problem->p; ++j) {
            z[j] = next[j] + momentum * (next[j] - w[j]);
            w[j] = next[j];
        }
        t = next_t;
        if (sqrt(square) <= tolerance / 2.0 * problem->scale * problem->step) return iteration;
    }
    fail("no solution after %d iterations", MAX_ITERATIONS);
    return 0;
}

/* The largest element of the smallest subgradient of the whole objective, which at the minimum is
 * 0. Where w[j] is 0, the penalty has every slope from -l1 to l1, of which l1l2_add_gradient takes
 * 0: the one nearest to 0 for both is what remains of f's beyond l1. */
static double subgradient(const struct problem* problem, const l1l2_regularizer* regularizer,
                          const double* w) {
    double gradient[MAX_COLUMNS], l1, largest = 0.0;
    loss(problem, w, gradient);
    check(l1l2_add_gradient(regularizer, L1L2_FLOAT64, w, problem->p, 1.0, gradient, NULL),
          "l1l2_add_gradient");
    check(l1l2_get_config(regularizer, &l1, NULL), "l1l2_get_config");
    for (size_t j = 0; j < problem->p; ++j)
        largest = fmax(largest, fabs(gradient[j]) - (w[j] == 0.0 ? l1 : 0.0));
    return largest;
}

/* Trains w, starting where it is, and prints a line about it without its end. */
static void train(const struct problem* problem, double l1_ratio, double alpha, double* w) {
    double penalty, gradient[MAX_COLUMNS];
    l1l2_regularizer* regularizer;
    l1l2_status status;
    int iterations, zeros = 0;
    /* The library's L2 term has no 1/2, scikit-learn's has one. */
    status = l1l2_create(alpha * l1_ratio, alpha * (1.0 - l1_ratio) / 2.0, &regularizer);
    if (status != L1L2_OK)
        fail("l1_ratio %g, alpha %g: %s", l1_ratio, alpha, l1l2_status_string(status));
    iterations = solve(problem, regularizer, w);
    check(l1l2_penalty(regularizer, L1L2_FLOAT64, w, problem->p, &penalty), "l1l2_penalty");

    printf("%8g %8g", l1_ratio, alpha);
    for (size_t j = 0; j < problem->p; ++j) {
        if (w[j] == 0.0) {
            printf(" %7s", ".");
            ++zeros;
        } else {
            printf(" %7.2f", w[j]);
        }
    }
    printf("%6d%6d%11.4f%12.1e", zeros, iterations, loss(problem, w, gradient) + penalty,
           subgradient(problem, regularizer, w));
    l1l2_destroy(regularizer);
}

/* Checks that a reference has what main takes from it. */
static void check_reference(const struct table* reference, const struct table* data) {
    static const char* const first[COEFFICIENTS] = {"l1_ratio", "alpha", "intercept"};
    const size_t columns = COEFFICIENTS + data->columns - 1;
    if (reference->columns != columns || reference->rows == 0)
        fail("%s: has %zu columns and %zu rows, not %zu and at least one", reference->path,
             reference->columns, reference->rows, columns);
    for (size_t j = 0; j < columns; ++j) {
        const char* name = j < COEFFICIENTS ? first[j] : data->names[j - COEFFICIENTS];
        if (strcmp(reference->names[j], name) != 0)
            fail("%s:1: has a column %s instead of %s", reference->path, reference->names[j], name);
    }
}

/* Ends the line about w with its distance from the reference; returns whether the two agree. */
static int agrees(const struct problem* problem, const double* w, const struct table* reference,
                  size_t row) {
    const double* expected = reference->values + row * reference->columns;
    double largest = 0.0, difference = 0.0;
    size_t wrong = 0;
    for (size_t j = COEFFICIENTS; j < reference->columns; ++j)
        largest = fmax(largest, fabs(expected[j]));
    for (size_t j = COEFFICIENTS; j < reference->columns; ++j) {
        const double found = w[j - COEFFICIENTS], distance = fabs(found - expected[j]);
        difference = fmax(difference, largest > 0.0 ? distance / largest : distance);
        if (distance > agreement * largest || (found == 0.0) != (expected[j] == 0.0)) wrong = j;
    }
    if (fabs(problem->y_mean - expected[INTERCEPT]) > agreement * fabs(expected[INTERCEPT]))
        wrong = INTERCEPT;
    printf("%10.1e\n", difference);
    if (wrong == 0) return 1;
    fflush(stdout);
    fprintf(stderr, "%s:%zu: %s is %.17g there, %.17g here\n", reference->path, row + 2,
            reference->names[wrong], expected[wrong],
            wrong == INTERCEPT ? problem->y_mean : w[wrong - COEFFICIENTS]);
    return 0;
}

int main(int argc, char** argv) {
    struct table data, reference;
    struct problem problem;
    double w[MAX_COLUMNS] = {0.0};
    size_t rows = PATH_LENGTH, disagreements = 0;
    const int compare = argc == 3;
    if (argc != 2 && argc != 3) fail("usage: train DATA.csv [REFERENCE.csv]");
    read_table(&data, argv[1]);
    if (compare) {
        read_table(&reference, argv[2]);
        check_reference(&reference, &data);
        rows = reference.rows;
    }
    prepare(&problem, &data);

    printf("%8s %8s", "l1_ratio", "alpha");
    for (size_t j = 0; j < problem.p; ++j)
        printf(" %7s", data.names[j]);
    printf(" zeros steps  objective subgradient%s\n", compare ? " rel.diff." : "");
    for (size_t i = 0; i < rows; ++i) {
        double l1_ratio = path_l1_ratio;
        /* At the largest alpha a zero is clear of rounding. */
        double alpha = 1.001 * problem.scale / l1_ratio * pow(10.0, -(double)i / PATH_PER_DECADE);
        if (compare) {
            l1_ratio = reference.values[i * reference.columns + L1_RATIO];
            alpha = reference.values[i * reference.columns + ALPHA];
        }
        /* The solution before this one is a good start. */
        train(&problem, l1_ratio, alpha, w);
        if (!compare)
            putchar('\n');
        else if (!agrees(&problem, w, &reference, i))
            ++disagreements;
    }
    printf("Every intercept is %.10g.\n", problem.y_mean);
    free(data.values);
    if (!compare) return 0;
    free(reference.values);
    if (disagreements > 0)
        fail("%zu of %zu solutions differ from %s", disagreements, rows, argv[2]);
    printf("All %zu solutions agree with %s to %g of the largest coefficient and in every zero.\n",
           rows, argv[2], agreement);
    return 0;
}

/* SPDX-FileCopyrightText: 2026 The l1l2 authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A neural network with thousands of weights that are exactly 0, trained by proximal Adam.
 *
 *     sparse DIGITS.txt [RECORDING.csv]
 *
 * The network reads handwritten digits: 64 pixels, 128 hidden units (ReLU), 10 classes (softmax).
 * Its 9472 weights have an L1 penalty, the biases have none. Each line of the table is a training:
 * the more L1, the more zeros, and in the end the fewer digits are read correctly. The last line is
 * the usual way, a subgradient of the penalty added to the gradient: no weight becomes 0.
 *
 * Proximal Adam is Adam (Kingma and Ba, "Adam: A method for stochastic optimization", 2015) with
 * the penalty left out of the gradient. Instead each step ends with the proximal operator in the
 * metric of Adam's preconditioner (Yun, Lozano and Yang, "Adaptive proximal gradient methods for
 * structured neural networks", NeurIPS 2021). With Adam's averages of the gradient, mean, and of
 * its square it is l1l2_prox_step_terms, for all tensors at once:
 *
 *     s[i] = rate * steps[i],  where steps[i] = 1 / (sqrt(square[i]) + epsilon)
 *     w[i] = the proximal operator of  s[i] * penalty  at  w[i] - s[i] * mean[i]
 *
 * RECORDING was made by NumPy. The program fails unless it finds the same losses to 9 digits,
 * accuracies and places of zeros. It can, because sums are carried in double in the order of the
 * loops, and the factors of each product are floats: it is exact, so a compiler may fuse it with
 * the addition. Softmax is rounded to float, which hides the last bits of exp, in which C libraries
 * differ.
 */
#include <errno.h>
#include <inttypes.h>
#include <l1l2.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 64, UNITS = 128, CLASSES = 10, TENSORS = 4 };

/* All parameters are in one array, the weights first: where its tensors begin. */
enum {
    KERNEL1 = 0,                        /* PIXELS rows of UNITS */
    KERNEL2 = KERNEL1 + PIXELS * UNITS, /* UNITS rows of CLASSES */
    WEIGHTS = KERNEL2 + UNITS * CLASSES,
    BIAS1 = WEIGHTS,
    BIAS2 = BIAS1 + UNITS,
    PARAMETERS = BIAS2 + CLASSES
};
enum { EPOCHS = 60, EPOCHS_A_ROW = 10, BATCH = 50, MAX_IMAGES = 2000, MAX_LINE = 256 };
static const double learning_rate = 0.01, epsilon = 1e-8, subgradient_l1 = 1e-3;
static const double l1_path[] = {0.0, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2};

enum method { PROXIMAL, SUBGRADIENT };
struct images {
    size_t count;
    float pixels[MAX_IMAGES][PIXELS]; /* 0 to 1 */
    int digits[MAX_IMAGES];
};

struct network {
    float parameters[PARAMETERS];
    double sums[PARAMETERS];    /* of the gradients of a batch */
    float gradient[PARAMETERS]; /* of the mean loss of a batch; then Adam's direction */
    float steps[PARAMETERS];    /* Adam's preconditioner */
    float mean[PARAMETERS], square[PARAMETERS];
    double mean_of_ones, square_of_ones; /* the same averages of ones: 1 - beta^step */
    l1l2_term terms[TENSORS];
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

static void check(l1l2_status status) {
    if (status != L1L2_OK) fail("l1l2: %s", l1l2_status_string(status));
}

/* A line has 64 pixels, each a digit of base 17, a space, and the digit that they show. */
static void read_images(const char* path, struct images* images) {
    static const char values[] = "0123456789abcdefg";
    char line[MAX_LINE];
    FILE* file = fopen(path, "r");
    if (file == NULL) fail("%s: cannot be opened: %s", path, strerror(errno));
    for (size_t i = 0; fgets(line, MAX_LINE, file) != NULL; i = ++images->count) {
        line[strcspn(line, "\r\n")] = '\0';
        if (i == MAX_IMAGES) fail("%s:%zu: is one image too many", path, i + 1);
        if (strlen(line) != PIXELS + 2 || strspn(line, values) != PIXELS || line[PIXELS] != ' ' ||
            line[PIXELS + 1] < '0' || line[PIXELS + 1] > '9')
            fail("%s:%zu: is not %d pixels of 0 to g, a space and a digit", path, i + 1, PIXELS);
        for (size_t p = 0; p < PIXELS; ++p)
            images->pixels[i][p] = (float)(strchr(values, line[p]) - values) / 16.0f;
        images->digits[i] = line[PIXELS + 1] - '0';
    }
    if (images->count < 3) fail("%s: has fewer than 3 images", path);
    fclose(file);
}

/* Every third image is for testing. */
static int is_test(size_t image) {
    return image % 3 == 2;
}

/* Returns a number from 0 to below 1: Knuth's MMIX generator. */
static double uniform(uint64_t* state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 0x1p53;
}

/* He's uniform initialization. */
static void fill_kernel(float* kernel, size_t rows, size_t columns, uint64_t* random) {
    const double limit = sqrt(6.0 / (double)rows);
    for (size_t i = 0; i < rows * columns; ++i)
        kernel[i] = (float)((2.0 * uniform(random) - 1.0) * limit);
}

static void shuffle(size_t* order, size_t count, uint64_t* random) {
    for (size_t i = count - 1; i > 0; --i) {
        const size_t j = (size_t)(uniform(random) * (double)(i + 1)), other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

static void forward(const float* parameters, const float* pixels, float* hidden, double* logits) {
    double sums[UNITS];
    for (size_t u = 0; u < UNITS; ++u)
        sums[u] = parameters[BIAS1 + u];
    for (size_t p = 0; p < PIXELS; ++p) {
        const double pixel = pixels[p];
        if (pixel == 0.0) continue; /* almost half of them */
        for (size_t u = 0; u < UNITS; ++u)
            sums[u] += pixel * parameters[KERNEL1 + p * UNITS + u];
    }
    for (size_t c = 0; c < CLASSES; ++c)
        logits[c] = parameters[BIAS2 + c];
    for (size_t u = 0; u < UNITS; ++u) {
        hidden[u] = sums[u] > 0.0 ? (float)sums[u] : 0.0f;
        for (size_t c = 0; c < CLASSES; ++c)
            logits[c] += (double)hidden[u] * parameters[KERNEL2 + u * CLASSES + c];
    }
}

/* Returns the cross-entropy of softmax(logits) and the digit; computes its gradient for logits. */
static double cross_entropy(const double* logits, int digit, float* delta) {
    double exponentials[CLASSES], largest = logits[0], sum = 0.0;
    for (size_t c = 1; c < CLASSES; ++c)
        largest = fmax(largest, logits[c]);
    for (size_t c = 0; c < CLASSES; ++c)
        sum += exponentials[c] = exp(logits[c] - largest);
    for (size_t c = 0; c < CLASSES; ++c)
        delta[c] = (float)(exponentials[c] / sum - ((int)c == digit ? 1.0 : 0.0));
    return log(sum) - (logits[digit] - largest);
}

/* Adds the gradient of an image's loss to the sums of all parameters. */
static void backward(const float* parameters, const float* pixels, const float* hidden,
                     const float* delta, double* sums) {
    float back[UNITS]; /* the gradient for the hidden units, before ReLU */
    for (size_t u = 0; u < UNITS; ++u) {
        double sum = 0.0;
        for (size_t c = 0; c < CLASSES; ++c) {
            sums[KERNEL2 + u * CLASSES + c] += (double)hidden[u] * delta[c];
            sum += (double)parameters[KERNEL2 + u * CLASSES + c] * delta[c];
        }
        back[u] = hidden[u] > 0.0f ? (float)sum : 0.0f;
        sums[BIAS1 + u] += back[u];
    }
    for (size_t c = 0; c < CLASSES; ++c)
        sums[BIAS2 + c] += delta[c];
    for (size_t p = 0; p < PIXELS; ++p) {
        const double pixel = pixels[p];
        if (pixel == 0.0) continue;
        for (size_t u = 0; u < UNITS; ++u)
            sums[KERNEL1 + p * UNITS + u] += pixel * back[u];
    }
}

/* Computes the gradient of the mean loss of a batch, without the penalty. */
static void compute_gradient(struct network* network, const struct images* images,
                             const size_t* batch, size_t count) {
    memset(network->sums, 0, sizeof network->sums);
    for (size_t i = 0; i < count; ++i) {
        float hidden[UNITS], delta[CLASSES];
        double logits[CLASSES];
        const float* pixels = images->pixels[batch[i]];
        forward(network->parameters, pixels, hidden, logits);
        cross_entropy(logits, images->digits[batch[i]], delta);
        backward(network->parameters, pixels, hidden, delta, network->sums);
    }
    for (size_t i = 0; i < PARAMETERS; ++i)
        network->gradient[i] = (float)(network->sums[i] / (double)count);
}

/* Puts a network at its start. Each term is a tensor and all arrays that belong to it. */
static void start(struct network* network, const l1l2_regularizer* of_weights,
                  const l1l2_regularizer* none, uint64_t* random) {
    static const size_t begin[TENSORS + 1] = {KERNEL1, KERNEL2, BIAS1, BIAS2, PARAMETERS};
    memset(network, 0, sizeof *network);
    fill_kernel(network->parameters + KERNEL1, PIXELS, UNITS, random);
    fill_kernel(network->parameters + KERNEL2, UNITS, CLASSES, random);
    for (size_t t = 0; t < TENSORS; ++t)
        network->terms[t] = (l1l2_term){.regularizer = begin[t] < WEIGHTS ? of_weights : none,
                                        .dtype = L1L2_FLOAT32,
                                        .n = begin[t + 1] - begin[t],
                                        .x = network->parameters + begin[t],
                                        .gradient = network->gradient + begin[t],
                                        .steps = network->steps + begin[t],
                                        .out = network->parameters + begin[t]};
}

/* Adam's averages, with beta 0.9 and 0.999. A division cannot be fused with an addition. */
static void update_averages(struct network* network) {
    network->mean_of_ones += (1.0 - network->mean_of_ones) / 10.0;
    network->square_of_ones += (1.0 - network->square_of_ones) / 1000.0;
    for (size_t i = 0; i < PARAMETERS; ++i) {
        const double gradient = network->gradient[i];
        const double mean = network->mean[i], square = network->square[i];
        network->mean[i] = (float)(mean + (gradient - mean) / 10.0);
        network->square[i] = (float)(square + (gradient * gradient - square) / 1000.0);
        network->gradient[i] = (float)(network->mean[i] / network->mean_of_ones);
        network->steps[i] =
            (float)(1.0 / (sqrt(network->square[i] / network->square_of_ones) + epsilon));
    }
}

/* Moves the parameters: a step of Adam and, if it is proximal, of the penalty. */
static void step(struct network* network, enum method method, double rate) {
    l1l2_term terms[TENSORS];
    memcpy(terms, network->terms, sizeof terms);
    if (method == SUBGRADIENT) {
        check(l1l2_add_gradient_terms(terms, sizeof terms[0], TENSORS, 1.0, NULL, NULL, NULL, NULL,
                                      NULL));
        for (size_t t = 0; t < TENSORS; ++t)
            terms[t].regularizer = terms[TENSORS - 1].regularizer; /* that of a bias */
    }
    update_averages(network);
    check(l1l2_prox_step_terms(terms, sizeof terms[0], TENSORS, rate, NULL, NULL, NULL));
}

/* Counts the weights that are 0. Their places have a fingerprint: FNV-1a of a byte a weight. */
static size_t count_zeros(const float* parameters, uint64_t* places) {
    size_t zeros = 0;
    *places = 0xcbf29ce484222325;
    for (size_t i = 0; i < WEIGHTS; ++i) {
        zeros += parameters[i] == 0.0f;
        *places = (*places ^ (parameters[i] == 0.0f)) * 0x100000001b3;
    }
    return zeros;
}

/* Returns the mean loss of the images for training or testing; computes how many are read right. */
static double evaluate(const float* parameters, const struct images* images, int test,
                       double* accuracy) {
    double sum = 0.0, count = 0.0, correct = 0.0;
    for (size_t i = 0; i < images->count; ++i) {
        float hidden[UNITS], delta[CLASSES];
        double logits[CLASSES];
        size_t best = 0;
        if (is_test(i) != test) continue;
        forward(parameters, images->pixels[i], hidden, logits);
        for (size_t c = 1; c < CLASSES; ++c)
            if (logits[c] > logits[best]) best = c;
        sum += cross_entropy(logits, images->digits[i], delta);
        correct += (int)best == images->digits[i];
        count += 1.0;
    }
    *accuracy = correct / count;
    return sum / count;
}

/* Fails unless the next line of the recording, if there is one, is as expected. */
static void compare(FILE* recording, const char* here) {
    char there[MAX_LINE] = "";
    if (recording == NULL) return;
    if (fgets(there, MAX_LINE, recording) == NULL) there[0] = '\0';
    there[strcspn(there, "\r\n")] = '\0';
    if (strcmp(there, here) != 0)
        fail("the recording differs: \"%s\" there, \"%s\" here", there, here);
}

/* Compares the state with the recording and, at the end of a training, prints it. */
static void report(const struct network* network, const struct images* images, enum method method,
                   double l1, int epoch, FILE* recording) {
    const char* name = method == PROXIMAL ? "proximal" : "subgradient";
    char line[MAX_LINE];
    uint64_t places;
    double penalty, accuracy, loss = evaluate(network->parameters, images, 0, &accuracy);
    const size_t zeros = count_zeros(network->parameters, &places);
    evaluate(network->parameters, images, 1, &accuracy);
    check(l1l2_penalty_terms(network->terms, sizeof network->terms[0], TENSORS, NULL, NULL, NULL,
                             &penalty, NULL));
    snprintf(line, MAX_LINE, "%s,%g,%d,%.9g,%.9g,%.9g,%zu,%016" PRIx64, name, l1, epoch, loss,
             penalty, accuracy, zeros, places);
    compare(recording, line);
    if (epoch == EPOCHS)
        printf("%-11s %7g %9.5f %9.5f %8.1f%% %7zu %6.1f%%\n", name, l1, loss, penalty,
               100.0 * accuracy, zeros, 100.0 * (double)zeros / WEIGHTS);
}

static void train(const struct images* images, enum method method, double l1, FILE* recording) {
    static struct network network;
    static size_t order[MAX_IMAGES];
    size_t count = 0, steps, done = 0;
    uint64_t random = 1;
    l1l2_regularizer *of_weights, *none;
    check(l1l2_create(l1, 0.0, &of_weights));
    check(l1l2_create(0.0, 0.0, &none));
    start(&network, of_weights, none, &random);
    for (size_t i = 0; i < images->count; ++i)
        if (!is_test(i)) order[count++] = i;
    steps = EPOCHS * ((count + BATCH - 1) / BATCH);
    for (int epoch = 1; epoch <= EPOCHS; ++epoch) {
        shuffle(order, count, &random);
        for (size_t first = 0; first < count; first += BATCH) {
            const size_t left = count - first;
            compute_gradient(&network, images, order + first, left < BATCH ? left : BATCH);
            step(&network, method, learning_rate * ((double)(steps - done++) / (double)steps));
        }
        if (epoch % EPOCHS_A_ROW == 0) report(&network, images, method, l1, epoch, recording);
    }
    l1l2_destroy(of_weights);
    l1l2_destroy(none);
}

int main(int argc, char** argv) {
    static struct images images;
    FILE* recording = NULL;
    if (argc != 2 && argc != 3) fail("usage: sparse DIGITS.txt [RECORDING.csv]");
    read_images(argv[1], &images);
    if (argc == 3 && (recording = fopen(argv[2], "r")) == NULL)
        fail("%s: cannot be opened: %s", argv[2], strerror(errno));
    compare(recording, "method,l1,epoch,loss,penalty,accuracy,zeros,places");

    printf("%-11s %7s %9s %9s %9s %7s of %d\n", "method", "l1", "loss", "penalty", "accuracy",
           "zeros", WEIGHTS);
    for (size_t i = 0; i < sizeof l1_path / sizeof l1_path[0]; ++i)
        train(&images, PROXIMAL, l1_path[i], recording);
    train(&images, SUBGRADIENT, subgradient_l1, recording);
    if (recording == NULL) return 0;
    fclose(recording);
    printf("All losses, accuracies and zeros are those of %s.\n", argv[2]);
    return 0;
}

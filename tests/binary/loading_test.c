/*
 * Loads the shared library at run time. This program is in C and links only libc.
 *
 *     loading_test rounds LIBRARY
 *         opens, uses and closes it a thousand times: nothing is left
 *     loading_test copies LIBRARY OTHER
 *         loads two copies at once: they do not affect each other
 *     loading_test use LIBRARY
 *         calls what needs the C++ runtime; to be run beside one that aborts
 *     loading_test new LIBRARY
 *         calls the function l1l2_stub of a library without a runtime of its own
 */
#include "../../examples/c/dlopen/l1l2_api.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(int holds, const char* what) {
    if (!holds) {
        fprintf(stderr, "not so: %s\n", what);
        exit(1);
    }
}

static l1l2_api open_library(const char* path) {
    l1l2_api api;
    const char* const error = l1l2_api_open(&api, path);
    if (error != NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return api;
}

/* Memory is allocated, exceptions are thrown and caught inside, numbers are converted. */
static void use(const l1l2_api* f) {
    static const float x[] = {0.5f, -1.25f, 0.0f, 2.0f};
    l1l2_regularizer* regularizer;
    char text[256];
    size_t length;
    double penalty;
    const char* const malformed = "{\"l1\": ";
    const char* const unknown = "{\"class_name\": \"L3\", \"config\": {}}";
    const char* const good = "{\"l1\": 0.01, \"l2\": 0.02}";
    expect(f->from_json(malformed, strlen(malformed), &regularizer, text, sizeof text) ==
               L1L2_ERROR_MALFORMED_JSON,
           "malformed JSON is malformed");
    expect(f->from_json(unknown, strlen(unknown), &regularizer, text, sizeof text) ==
               L1L2_ERROR_UNKNOWN_CONFIG,
           "L3 is unknown");
    expect(f->from_json(good, strlen(good), &regularizer, text, sizeof text) == L1L2_OK, "JSON");
    expect(f->to_json(regularizer, L1L2_JSON_CONFIG, text, sizeof text, &length) == L1L2_OK &&
               strcmp(text, good) == 0,
           "JSON goes both ways");
    expect(f->penalty(regularizer, L1L2_FLOAT32, x, 4, &penalty) == L1L2_OK && penalty == 0.15375,
           "the penalty");
    f->destroy(regularizer);
}

/* A number from /proc/self/status, in KiB, and how many regions of memory the process has. */
static long resident_kib(void) {
    char line[256];
    long kib = -1;
    FILE* const status = fopen("/proc/self/status", "r");
    expect(status != NULL, "/proc can be read");
    while (kib < 0 && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0) kib = strtol(line + 6, NULL, 10);
    fclose(status);
    return kib;
}

static int regions(void) {
    int count = 0, c;
    FILE* const maps = fopen("/proc/self/maps", "r");
    expect(maps != NULL, "/proc can be read");
    while ((c = getc(maps)) != EOF)
        count += c == '\n';
    fclose(maps);
    return count;
}

static void rounds(const char* path) {
    int regions_before = 0;
    long kib_before = 0;
    for (int i = 0; i < 1000; ++i) {
        if (i == 10) { /* by then malloc and the dynamic linker have allocated what they keep */
            regions_before = regions();
            kib_before = resident_kib();
        }
        const l1l2_api f = open_library(path);
        use(&f);
        expect(dlclose(f.library) == 0, "it can be closed");
        expect(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL, "closed, it is gone");
    }
    expect(regions() == regions_before, "no region of memory is left");
    expect(resident_kib() - kib_before < 512, "no memory is left");
}

static void copies(const char* path, const char* other_path) {
    const l1l2_api first = open_library(path);
    setenv("L1L2_ISA", "generic", 1);
    const l1l2_api second = open_library(other_path);
    expect(first.library != second.library && first.create != second.create, "they are two");
    /* Each copy has read the environment itself. */
    expect(strcmp(second.isa(), "generic") == 0, "the second copy's choice");
    unsetenv("L1L2_ISA");
    const char* const best = first.isa();
    expect(best != second.isa(), "the first copy has a choice of its own");
    use(&first);
    use(&second);
    dlclose(first.library);
    use(&second);
    expect(strcmp(second.isa(), "generic") == 0, "the second copy outlives the first");
    dlclose(second.library);
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "rounds") == 0)
        rounds(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "copies") == 0)
        copies(argv[2], argv[3]);
    else if (argc == 3 && strcmp(argv[1], "use") == 0) {
        const l1l2_api f = open_library(argv[2]);
        use(&f);
        dlclose(f.library);
    } else if (argc == 3 && strcmp(argv[1], "new") == 0) {
        void (*stub)(void);
        void* const library = dlopen(argv[2], RTLD_NOW);
        expect(library != NULL, "it can be opened");
        void* const found = dlsym(library, "l1l2_stub");
        expect(found != NULL, "it has l1l2_stub");
        memcpy(&stub, &found, sizeof stub);
        stub();
    } else {
        fprintf(stderr, "usage: loading_test rounds|copies|use|new LIBRARY [OTHER]\n");
        return 2;
    }
    return 0;
}

/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Included before the sources of the addon by memory.test.mjs. Ends the process on an access past
 * the end of a block, a use after free, or a wrong lock order. Makes each place that allocates
 * memory fail once, never two in a row. isa() returns how many blocks and regularizers are left.
 */
#define NAPI_VERSION 8
#include <dlfcn.h>
#include <l1l2.h>
#include <node_api.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ONE __attribute__((weak)) /* for all files that include this */

/* Of memory, mutexes and condition variables. */
ONE int checked_blocks;
ONE bool checked_failed; /* the allocation before */
ONE int checked_regularizers;

/* Before a page that must not be touched. */
ONE void* checked_allocate(size_t size) {
    const size_t page = (size_t)getpagesize();
    const size_t room = (size + page - 1) / page * page;
    if (size == 0 || room == 0) return NULL;
    char* const place =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED || mprotect(place + room, page, PROT_NONE) != 0) return NULL;
    ++checked_blocks;
    return place + room - size;
}

ONE void checked_free(char* memory) {
    if (memory == NULL) return;
    const size_t page = (size_t)getpagesize();
    if (mprotect(memory - (size_t)memory % page, page, PROT_NONE) != 0) abort();
    --checked_blocks;
}

ONE int checked_init(pthread_mutex_t* mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    ++checked_blocks;
    return pthread_mutex_init(mutex, &attributes);
}

ONE l1l2_status (*checked_create)(double l1, double l2, l1l2_regularizer** regularizer);
ONE l1l2_status (*checked_from_json)(const char*, size_t, l1l2_regularizer**, char*, size_t);
ONE void (*checked_destroy)(l1l2_regularizer* regularizer);

ONE l1l2_status count_created(double l1, double l2, l1l2_regularizer** regularizer) {
    const l1l2_status status = checked_create(l1, l2, regularizer);
    checked_regularizers += status == L1L2_OK;
    return status;
}

ONE l1l2_status count_read(const char* json, size_t length, l1l2_regularizer** regularizer,
                           char* message, size_t capacity) {
    const l1l2_status status = checked_from_json(json, length, regularizer, message, capacity);
    checked_regularizers += status == L1L2_OK;
    return status;
}

ONE void count_destroyed(l1l2_regularizer* regularizer) {
    checked_regularizers -= regularizer != NULL;
    checked_destroy(regularizer);
}

ONE const char* what_is_left(void) {
    static char text[64];
    snprintf(text, sizeof text, "%d blocks, %d regularizers", checked_blocks, checked_regularizers);
    return text;
}

ONE void* checked_function(void* library, const char* name) {
    void* const function = dlsym(library, name);
    if (strcmp(name, "l1l2_isa") == 0) return (void*)what_is_left;
    if (strcmp(name, "l1l2_create") == 0) {
        memcpy(&checked_create, &function, sizeof function);
        return (void*)count_created;
    }
    if (strcmp(name, "l1l2_from_json") == 0) {
        memcpy(&checked_from_json, &function, sizeof function);
        return (void*)count_read;
    }
    if (strcmp(name, "l1l2_destroy") == 0) {
        memcpy(&checked_destroy, &function, sizeof function);
        return (void*)count_destroyed;
    }
    return function;
}

#define SUCCEEDS(call) ((call) == 0 ? 0 : (abort(), 0))
#define ALLOCATE(size)                                                                             \
    ({                                                                                             \
        static bool has_failed;                                                                    \
        checked_failed = !has_failed && !checked_failed;                                           \
        has_failed |= checked_failed;                                                              \
        checked_failed ? NULL : checked_allocate(size);                                            \
    })
#define napi_new_instance(env, constructor, count, arguments, result)                              \
    (SUCCEEDS((count) * sizeof *(arguments) > __builtin_object_size(arguments, 0)),                \
     napi_new_instance(env, constructor, count, arguments, result))
#define malloc(size) ALLOCATE(size)
#define calloc(n, size) ALLOCATE((n) * (size))
#define free(memory) checked_free((void*)(memory))
#define dlsym(library, name) checked_function(library, name)
#define pthread_mutex_init(mutex, attributes) SUCCEEDS(checked_init(mutex))
#define pthread_mutex_lock(mutex) SUCCEEDS(pthread_mutex_lock(mutex))
#define pthread_mutex_unlock(mutex) SUCCEEDS(pthread_mutex_unlock(mutex))
#define pthread_mutex_destroy(mutex) SUCCEEDS((--checked_blocks, pthread_mutex_destroy(mutex)))
#define pthread_cond_init(condition, attributes)                                                   \
    SUCCEEDS((++checked_blocks, pthread_cond_init(condition, attributes)))
#define pthread_cond_wait(condition, mutex) SUCCEEDS(pthread_cond_wait(condition, mutex))
#define pthread_cond_destroy(condition)                                                            \
    SUCCEEDS((--checked_blocks, pthread_cond_destroy(condition)))

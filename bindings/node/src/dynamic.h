/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Shared libraries on POSIX and on Windows.
 */
#ifndef L1L2_DYNAMIC_H
#define L1L2_DYNAMIC_H

#include "addon.h"

#include <string.h>

/* open_library returns NULL if the library cannot be opened; then `reason` says why. */
#ifdef _WIN32
#include <stdio.h>
#include <windows.h>

static void* open_library(napi_env env, napi_value path, napi_value* reason) {
    WCHAR name[4096];
    void* library = NULL;
    size_t length;
    napi_get_value_string_utf16(env, path, NULL, 0, &length);
    if (length < sizeof name / sizeof *name) {
        napi_get_value_string_utf16(env, path, name, sizeof name / sizeof *name, &length);
        library = (void*)LoadLibraryW(name);
    } else {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
    }
    if (library == NULL) {
        char words[64];
        snprintf(words, sizeof words, "error %lu of Windows", GetLastError());
        *reason = text(env, words);
    }
    return library;
}

static void* find_function(void* library, const char* name) {
    const FARPROC function = GetProcAddress((HMODULE)library, name);
    void* address;
    memcpy(&address, &function, sizeof address);
    return address;
}

#else
#include <dlfcn.h>
#include <errno.h>

static void* open_library(napi_env env, napi_value path, napi_value* reason) {
    char name[4096];
    size_t length;
    napi_get_value_string_utf8(env, path, NULL, 0, &length);
    if (length >= sizeof name) {
        *reason = text(env, strerror(ENAMETOOLONG));
        return NULL;
    }
    napi_get_value_string_utf8(env, path, name, sizeof name, &length);
    void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) *reason = text(env, dlerror());
    return library;
}

static void* find_function(void* library, const char* name) {
    return dlsym(library, name);
}
#endif

#endif

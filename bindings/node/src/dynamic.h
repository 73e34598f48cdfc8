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

#ifdef _WIN32
#include <stdio.h>
#include <windows.h>

/* NULL if it cannot be opened. */
static void* open_library(napi_env env, napi_value path) {
    WCHAR name[4096];
    size_t length;
    napi_get_value_string_utf16(env, path, name, 4096, &length);
    return (void*)LoadLibraryW(name);
}

/* Why not; right after it. */
static napi_value open_error(napi_env env) {
    char reason[64];
    snprintf(reason, sizeof reason, "error %lu of Windows", GetLastError());
    return text(env, reason);
}

static void* find_function(void* library, const char* name) {
    const FARPROC function = GetProcAddress((HMODULE)library, name);
    void* address;
    memcpy(&address, &function, sizeof address);
    return address;
}

#else
#include <dlfcn.h>

static void* open_library(napi_env env, napi_value path) {
    char name[4096];
    size_t length;
    napi_get_value_string_utf8(env, path, name, sizeof name, &length);
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

static napi_value open_error(napi_env env) {
    return text(env, dlerror());
}

static void* find_function(void* library, const char* name) {
    return dlsym(library, name);
}
#endif

#endif

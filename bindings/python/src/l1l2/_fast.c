/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Calls of libl1l2 on compact buffers, without the microsecond that ctypes and NumPy take to find
 * an address and convert arguments.
 *
 * The package works without this module, which is compiled for Python's limited API. It takes the
 * addresses of libl1l2's functions as integers, so that it serves whichever library was loaded. It
 * handles the common case alone: arrays that are compact, of float32, float64 or float16, and no
 * error. For anything else it does nothing and returns None; the caller then takes the general way,
 * which also finds the error's words.
 */
#include <Python.h>
#include <stdint.h>

/* Of l1l2.h, whose functions are called by address. */
typedef int32_t (*penalty_function)(const void* regularizer, int32_t dtype, const void* x, size_t n,
                                    double* penalty);
typedef int32_t (*add_gradient_function)(const void* regularizer, int32_t dtype, const void* x,
                                         size_t n, double scale, void* gradient, double* penalty);
typedef int32_t (*prox_function)(const void* regularizer, int32_t dtype, const void* x, size_t n,
                                 double step, void* out);
typedef int32_t (*prox_step_function)(const void* regularizer, int32_t dtype, const void* x,
                                      size_t n, const void* gradient, double step,
                                      const void* steps, void* out);
typedef int32_t (*add_function)(int64_t* sums, int32_t dtype, const void* x, size_t n);

/* Fewer elements take less time than another thread needs to get the GIL. */
enum { SMALL = 4096 };

typedef struct {
    Py_buffer view;
    int32_t dtype; /* 0: of a type that is left to the caller */
    size_t n;
} Elements;

enum { FLOAT32 = 1, FLOAT64 = 2, FLOAT16 = 3 };

static int32_t dtype_of(const char* format) {
    if (format == NULL || format[0] == '\0' || format[1] != '\0') {
        return 0;
    }
    return format[0] == 'f' ? FLOAT32 : format[0] == 'd' ? FLOAT64 : format[0] == 'e' ? FLOAT16 : 0;
}

/* Returns whether x is a compact buffer of floats, which is then held until PyBuffer_Release. */
static int borrow(PyObject* x, int flags, Elements* elements) {
    if (PyObject_GetBuffer(x, &elements->view, PyBUF_STRIDES | PyBUF_FORMAT | flags) != 0) {
        PyErr_Clear();
        return 0;
    }
    elements->dtype = dtype_of(elements->view.format);
    if (elements->dtype == 0 || !PyBuffer_IsContiguous(&elements->view, 'A')) {
        PyBuffer_Release(&elements->view);
        return 0;
    }
    elements->n = (size_t)(elements->view.len / elements->view.itemsize);
    return 1;
}

/* Returns whether y has a dtype, and its elements are at the same places as those of x in the order
 * of memory. */
static int is_laid_as(const Elements* x, const Elements* y, int32_t dtype) {
    if (y->dtype != dtype || x->view.ndim != y->view.ndim) {
        return 0;
    }
    for (int i = 0; i < x->view.ndim; ++i) {
        if (x->view.shape[i] != y->view.shape[i]) {
            return 0;
        }
    }
    return (PyBuffer_IsContiguous(&x->view, 'C') && PyBuffer_IsContiguous(&y->view, 'C')) ||
           (PyBuffer_IsContiguous(&x->view, 'F') && PyBuffer_IsContiguous(&y->view, 'F'));
}

static PyThreadState* leave(size_t n) {
    return n > SMALL ? PyEval_SaveThread() : NULL;
}

static void enter(PyThreadState* state) {
    if (state != NULL) {
        PyEval_RestoreThread(state);
    }
}

/* Reads the address of a function and the one that is its first argument. */
static int read_addresses(PyObject* const* arguments, Py_ssize_t given, Py_ssize_t needed,
                          size_t* function, void** first) {
    if (given != needed) {
        PyErr_SetString(PyExc_TypeError, "a wrong number of arguments");
        return 0;
    }
    *function = PyLong_AsSize_t(arguments[0]);
    *first = PyLong_AsVoidPtr(arguments[1]);
    return PyErr_Occurred() == NULL;
}

/* penalty(function, regularizer, x) */
static PyObject* penalty(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
    (void)module;
    size_t function;
    void* regularizer;
    Elements x;
    if (!read_addresses(arguments, count, 3, &function, &regularizer)) {
        return NULL;
    }
    if (!borrow(arguments[2], 0, &x)) {
        Py_RETURN_NONE;
    }
    double result;
    PyThreadState* state = leave(x.n);
    int32_t status = ((penalty_function)function)(regularizer, x.dtype, x.view.buf, x.n, &result);
    enter(state);
    PyBuffer_Release(&x.view);
    if (status != 0) {
        Py_RETURN_NONE;
    }
    return PyFloat_FromDouble(result);
}

/* add(function, sums, x): returns True */
static PyObject* add(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
    (void)module;
    size_t function;
    void* sums;
    Elements x;
    if (!read_addresses(arguments, count, 3, &function, &sums)) {
        return NULL;
    }
    if (!borrow(arguments[2], 0, &x)) {
        Py_RETURN_NONE;
    }
    PyThreadState* state = leave(x.n);
    int32_t status = ((add_function)function)(sums, x.dtype, x.view.buf, x.n);
    enter(state);
    PyBuffer_Release(&x.view);
    if (status != 0) {
        Py_RETURN_NONE;
    }
    Py_RETURN_TRUE;
}

enum Operation { ADD_GRADIENT, PENALTY_AND_ADD_GRADIENT, PROX };

static PyObject* call(PyObject* const* arguments, Py_ssize_t count, enum Operation operation) {
    size_t function;
    void* regularizer;
    Elements x;
    Elements y;
    if (!read_addresses(arguments, count, 5, &function, &regularizer)) {
        return NULL;
    }
    double factor = PyFloat_AsDouble(arguments[3]);
    if (PyErr_Occurred() != NULL) {
        return NULL;
    }
    if (!borrow(arguments[2], 0, &x)) {
        Py_RETURN_NONE;
    }
    if (!borrow(arguments[4], PyBUF_WRITABLE, &y)) {
        PyBuffer_Release(&x.view);
        Py_RETURN_NONE;
    }
    double result = 0.0;
    int32_t status = -1;
    if (is_laid_as(&x, &y, x.dtype)) {
        PyThreadState* state = leave(x.n);
        if (operation == PROX) {
            status = ((prox_function)function)(regularizer, x.dtype, x.view.buf, x.n, factor,
                                               y.view.buf);
        } else {
            status = ((add_gradient_function)function)(regularizer, x.dtype, x.view.buf, x.n,
                                                       factor, y.view.buf,
                                                       operation == ADD_GRADIENT ? NULL : &result);
        }
        enter(state);
    }
    PyBuffer_Release(&y.view);
    PyBuffer_Release(&x.view);
    if (status != 0) {
        Py_RETURN_NONE;
    }
    return PyFloat_FromDouble(result);
}

/* add_gradient(function, regularizer, x, scale, gradient): returns 0.0 */
static PyObject* add_gradient(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
    (void)module;
    return call(arguments, count, ADD_GRADIENT);
}

/* penalty_and_add_gradient(function, regularizer, x, scale, gradient): returns the penalty */
static PyObject* penalty_and_add_gradient(PyObject* module, PyObject* const* arguments,
                                          Py_ssize_t count) {
    (void)module;
    return call(arguments, count, PENALTY_AND_ADD_GRADIENT);
}

/* prox(function, regularizer, x, step, out): returns 0.0 */
static PyObject* prox(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
    (void)module;
    return call(arguments, count, PROX);
}

/* prox_step(function, regularizer, x, gradient, step, steps, out): returns 0.0. A gradient or steps
 * of None is none. */
static PyObject* prox_step(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
    (void)module;
    size_t function;
    void* regularizer;
    if (!read_addresses(arguments, count, 7, &function, &regularizer)) {
        return NULL;
    }
    double step = PyFloat_AsDouble(arguments[4]);
    if (PyErr_Occurred() != NULL) {
        return NULL;
    }
    enum { X, GRADIENT, STEPS, OUT, ARRAYS };
    PyObject* const given[ARRAYS] = {arguments[2], arguments[3], arguments[5], arguments[6]};
    Elements arrays[ARRAYS];
    int borrowed[ARRAYS] = {0};
    int suitable = 1;
    for (int i = 0; i < ARRAYS && suitable; ++i) {
        arrays[i].view.buf = NULL;
        if (given[i] == Py_None && (i == GRADIENT || i == STEPS)) {
            continue;
        }
        borrowed[i] = borrow(given[i], i == OUT ? PyBUF_WRITABLE : 0, &arrays[i]);
        if (!borrowed[i]) {
            suitable = 0;
            break;
        }
        int32_t dtype = i == STEPS && arrays[X].dtype == FLOAT16 ? FLOAT32 : arrays[X].dtype;
        suitable = is_laid_as(&arrays[X], &arrays[i], dtype);
    }
    int32_t status = -1;
    if (suitable) {
        PyThreadState* state = leave(arrays[X].n);
        status = ((prox_step_function)function)(regularizer, arrays[X].dtype, arrays[X].view.buf,
                                                arrays[X].n, arrays[GRADIENT].view.buf, step,
                                                arrays[STEPS].view.buf, arrays[OUT].view.buf);
        enter(state);
    }
    for (int i = 0; i < ARRAYS; ++i) {
        if (borrowed[i]) {
            PyBuffer_Release(&arrays[i].view);
        }
    }
    if (status != 0) {
        Py_RETURN_NONE;
    }
    return PyFloat_FromDouble(0.0);
}

#define METHOD(name)                                                                               \
    { #name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, NULL }
static PyMethodDef methods[] = {
    METHOD(penalty), METHOD(add),       METHOD(add_gradient), METHOD(penalty_and_add_gradient),
    METHOD(prox),    METHOD(prox_step), {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "l1l2._fast", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fast(void) {
    return PyModuleDef_Init(&definition);
}

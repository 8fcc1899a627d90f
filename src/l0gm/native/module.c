/* The compiled part of l0gm: rows of numbers and codes to logits, and text to codes.
 *
 * l0gm works without it; runtime/predictor.py and data/frames.py say how. Needs GCC or Clang, for their vector types. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__GNUC__)
#error "a compiler with GCC's vector types is needed"
#endif

enum { MANY_ROWS = 32, FEW_ROWS = 4, COUNTED_EDGES = 64, AHEAD = 8 };
enum { UNKNOWN_CODE = 1, INFINITE_NUMBER = 2 };

/* One field of a table, as a row of the array `fields`; positions count floats, or doubles for edges, lows and widths. */
typedef struct {
    int64_t n_rows;  /* of its table */
    int64_t rows;    /* position of the table */
    int64_t slopes;  /* position of the table of slopes, -1 for none */
    int64_t narrow;  /* 0: rows have the width of the sums; else how many values a row has, to multiply with `matrix` */
    int64_t matrix;  /* position of the matrix (narrow, width) */
    int64_t edges, n_edges;  /* of numbers: the inner edges */
    int64_t lows, widths;    /* of numbers: each bin's lower edge and width */
} Field;

typedef struct {
    int64_t weight, bias; /* positions: (units before, width) and (width) */
    int64_t units, width; /* outputs, and those filled up to a multiple of 16 */
} Layer;

/* What is evaluated: the head of the array `plan` of runtime/folded.py, in this order. */
typedef struct {
    int64_t n_numbers, n_codes, n_texts, n_outputs;
    int64_t width;    /* of a row of sums, a multiple of 16 */
    int64_t relu;     /* how many of them, from the first on, are the hidden units of the first layer */
    int64_t n_layers; /* hidden ones behind the first */
    int64_t n_values; /* of narrow tables and texts together */
    int64_t bias, texts, linear, square, last; /* positions; `last` are the weights of the outputs (C, units) */
    const Field *fields;
    const Layer *layers;
    const float *floats;
    const double *doubles;
} Plan;

enum { PLAN_NUMBERS = 13, FIELD_NUMBERS = sizeof(Field) / 8 };

typedef struct {
    const char *numbers, *codes, *texts;
    int64_t number_row, number_column, code_row, code_column, text_row, text_column; /* strides in bytes */
} Inputs;

/* What is known of the rows of a block: by field, then row; (row_at, slope_at, ramp) of the fields that are folded. */
typedef struct {
    int32_t *code;
    float *fraction, *ramp, *sums, *odd, *even;
    int64_t *row_at, *slope_at;
    int64_t n_tables, n_ramps;
    int64_t *matrix_at; /* of one row: its values and where the rows of their matrices are */
    float *value;
    int64_t n_values;
} Scratch;

typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

/* Each kernel twice: for blocks of rows, and for a few rows, which would idle in a large block. */
#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#elif defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif
#if defined(__x86_64__)
#define VECTOR 16
#define BLOCK MANY_ROWS
#define SUFFIX avx512
#include "kernel.h"
#define BLOCK FEW_ROWS
#define SUFFIX avx512_few
#include "kernel.h"
#undef VECTOR
#endif
#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__x86_64__)
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#if defined(__x86_64__)
#define VECTOR 8
#define BLOCK MANY_ROWS
#define SUFFIX avx2
#include "kernel.h"
#define BLOCK FEW_ROWS
#define SUFFIX avx2_few
#include "kernel.h"
#undef VECTOR
#endif
#if defined(__x86_64__) && defined(__clang__)
#pragma clang attribute pop
#elif defined(__x86_64__)
#pragma GCC pop_options
#endif
#define VECTOR 4
#define BLOCK MANY_ROWS
#define SUFFIX portable
#include "kernel.h"
#define BLOCK FEW_ROWS
#define SUFFIX portable_few
#include "kernel.h"

typedef int Evaluate(const Plan *, const Inputs *, Scratch *, int64_t, int64_t, float *);

typedef struct {
    const char *name;
    Evaluate *evaluate, *evaluate_few;
    int (*sigmoid)(const float *, int64_t, double *), (*sigmoid_few)(const float *, int64_t, double *);
} Kernel;

#define KERNEL(name) {#name, evaluate_##name, evaluate_##name##_few, sigmoid_##name, sigmoid_##name##_few}

static const Kernel portable = KERNEL(portable);
static const Kernel *kernel = &portable;

/* Takes the kernel of this name, or the widest one where it is NULL; the portable one where the processor cannot run it. */
static void choose(const char *name)
{
    kernel = &portable;
#if defined(__x86_64__)
    static const Kernel avx512 = KERNEL(avx512);
    static const Kernel avx2 = KERNEL(avx2);
    const int any = name == NULL, has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (has_avx512 && (any || !strcmp(name, avx512.name)))
        kernel = &avx512;
    else if (has_avx2 && (any || !strcmp(name, avx2.name)))
        kernel = &avx2;
#else
    (void)name;
#endif
}

static int fits(const Py_buffer *view, int ndim, Py_ssize_t itemsize, const char *name)
{
    if (view->ndim == ndim && view->itemsize == itemsize) return 1;
    PyErr_Format(PyExc_ValueError, "%s: an array of %d dimensions and %zd bytes an item is needed", name, ndim, itemsize);
    return 0;
}

/* Takes memory for everything at once; `*whole` is to be freed. Returns whether there was any. */
static int make_scratch(const Plan *plan, Scratch *s, void **whole)
{
    int64_t fields = plan->n_numbers + plan->n_codes, widest = (plan->relu + 15) / 16 * 16;
    for (int64_t l = 0; l < plan->n_layers; l++)
        if (plan->layers[l].width > widest) widest = plan->layers[l].width;
    struct { void *to; int64_t bytes; } parts[] = {
        {&s->code, 4 * MANY_ROWS * fields}, {&s->fraction, 4 * MANY_ROWS * fields}, {&s->ramp, 4 * MANY_ROWS * fields},
        {&s->sums, 4 * MANY_ROWS * plan->width}, {&s->odd, 4 * MANY_ROWS * widest}, {&s->even, 4 * MANY_ROWS * widest},
        {&s->row_at, 8 * MANY_ROWS * fields}, {&s->slope_at, 8 * MANY_ROWS * fields},
        {&s->matrix_at, 8 * plan->n_values}, {&s->value, 4 * plan->n_values},
    };
    enum { N = sizeof(parts) / sizeof(parts[0]) };
    int64_t bytes = 64;
    for (int i = 0; i < N; i++) bytes += parts[i].bytes = (parts[i].bytes + 63) / 64 * 64;
    char *memory = *whole = malloc(bytes);
    if (memory == NULL) return 0;
    memory += (64 - (uintptr_t)memory % 64) % 64;
    for (int i = 0; i < N; memory += parts[i++].bytes) memcpy(parts[i].to, &memory, sizeof(memory));
    s->n_values = 0;
    return 1;
}

/* The three arrays of a folded program, and the plan that points into them. */
typedef struct {
    Py_buffer view[3];
    Plan plan;
} Program;

static void release(Program *program)
{
    for (int i = 0; i < 3; i++) PyBuffer_Release(&program->view[i]);
}

/* Takes hold of the arrays; they are trusted, since folded.py makes them. Returns whether they could be taken. */
static int take(Program *program, PyObject *const objects[3])
{
    static const char *names[] = {"plan", "floats", "doubles"};
    static const int sizes[] = {8, 4, 8};
    for (int i = 0; i < 3; i++) {
        if (PyObject_GetBuffer(objects[i], &program->view[i], PyBUF_C_CONTIGUOUS) < 0
            || (!fits(&program->view[i], 1, sizes[i], names[i]) && (PyBuffer_Release(&program->view[i]), 1))) {
            while (i > 0) PyBuffer_Release(&program->view[--i]);
            return 0;
        }
    }
    const int64_t *numbers = program->view[0].buf;
    Plan *plan = &program->plan;
    memcpy(plan, numbers, 8 * PLAN_NUMBERS);
    plan->fields = (const Field *)(numbers + PLAN_NUMBERS);
    plan->layers = (const Layer *)(numbers + PLAN_NUMBERS + FIELD_NUMBERS * (plan->n_numbers + plan->n_codes));
    plan->floats = program->view[1].buf;
    plan->doubles = program->view[2].buf;
    return 1;
}

/* Evaluates rows first to last - 1; returns whether it could, else an exception is set. */
static int run(const Plan *plan, const Inputs *in, int64_t first, int64_t last, float *out)
{
    Scratch scratch;
    void *whole = NULL;
    if (!make_scratch(plan, &scratch, &whole)) {
        PyErr_NoMemory();
        return 0;
    }
    int wrong;
    if (last - first <= FEW_ROWS) {
        wrong = kernel->evaluate_few(plan, in, &scratch, first, last, out);
    } else {
        Py_BEGIN_ALLOW_THREADS
        wrong = kernel->evaluate(plan, in, &scratch, first, last, out);
        Py_END_ALLOW_THREADS
    }
    free(whole);
    if (wrong & UNKNOWN_CODE)
        PyErr_SetString(PyExc_ValueError, "codes: a code is no row of its field's table");
    else if (wrong & INFINITE_NUMBER)
        PyErr_SetString(PyExc_ValueError, "numbers: infinite values; make them missing (NaN), or correct them");
    return !wrong;
}

PyDoc_STRVAR(evaluate_doc,
"evaluate(plan, floats, doubles, numbers, codes, texts, out, first, last, /)\n--\n\n"
"Write the logits of rows first to last - 1 to out, float32 (n, C), C-contiguous.\n\n"
"numbers are float64 (n, p), codes int32 (n, q), texts float32 (n, t), of any strides. Raises ValueError where an array\n"
"does not fit, a code is no row of its field's table, or a number is infinite.");

static PyObject *evaluate(PyObject *module, PyObject *args)
{
    PyObject *program_objects[3], *objects[4];
    long long first, last;
    if (!PyArg_ParseTuple(args, "OOOOOOOLL", &program_objects[0], &program_objects[1], &program_objects[2], &objects[0],
                          &objects[1], &objects[2], &objects[3], &first, &last))
        return NULL;
    static const char *names[] = {"numbers", "codes", "texts", "out"};
    static const int sizes[] = {8, 4, 4, 4};
    Program program;
    if (!take(&program, program_objects)) return NULL;
    const Plan *plan = &program.plan;
    Py_buffer view[4];
    int held = 0, sound = 0;
    for (; held < 4; held++) {
        int flags = held == 3 ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_STRIDES;
        if (PyObject_GetBuffer(objects[held], &view[held], flags) < 0) goto done;
        if (!fits(&view[held], 2, sizes[held], names[held])) {
            held++;
            goto done;
        }
    }
    const Py_ssize_t n = view[3].shape[0];
    const int64_t columns[] = {plan->n_numbers, plan->n_codes, plan->n_texts, plan->n_outputs};
    for (int i = 0; i < 4; i++)
        if (view[i].shape[0] != n || view[i].shape[1] != columns[i]) {
            PyErr_Format(PyExc_ValueError, "%s: shape (%zd, %zd) is needed, not (%zd, %zd)", names[i], n,
                         (Py_ssize_t)columns[i], view[i].shape[0], view[i].shape[1]);
            goto done;
        }
    if (first < 0 || last > n) {
        PyErr_SetString(PyExc_ValueError, "there are no such rows");
        goto done;
    }
    const Inputs in = {view[0].buf, view[1].buf, view[2].buf, view[0].strides[0], view[0].strides[1],
                       view[1].strides[0], view[1].strides[1], view[2].strides[0], view[2].strides[1]};
    sound = run(plan, &in, first, last, view[3].buf);
done:
    while (held > 0) PyBuffer_Release(&view[--held]);
    release(&program);
    return sound ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(sigmoid_doc,
"sigmoid(logits, out, /)\n--\n\n"
"Write the probabilities of both classes to out, float64 (n, 2), of logits float32 (n, 1), both C-contiguous.\n\n"
"Returns whether all logits are finite.");

static PyObject *sigmoid(PyObject *module, PyObject *args)
{
    PyObject *logits, *out;
    if (!PyArg_ParseTuple(args, "OO", &logits, &out)) return NULL;
    Py_buffer from, to;
    if (PyObject_GetBuffer(logits, &from, PyBUF_C_CONTIGUOUS) < 0) return NULL;
    if (PyObject_GetBuffer(out, &to, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    PyObject *result = NULL;
    if (fits(&from, 2, 4, "logits") && fits(&to, 2, 8, "out")) {
        if (from.shape[1] != 1 || to.shape[1] != 2 || from.shape[0] != to.shape[0])
            PyErr_SetString(PyExc_ValueError, "logits (n, 1) and out (n, 2) do not fit each other");
        else
            result = PyBool_FromLong(
                (from.shape[0] <= FEW_ROWS ? kernel->sigmoid_few : kernel->sigmoid)(from.buf, from.shape[0], to.buf));
    }
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    return result;
}

/* CRC-32 as zlib has it. */
static uint32_t crc_of[256];

static void make_crc(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        crc_of[i] = c;
    }
}

/* The bucket of a text, from 1 on; -1 where it has to be looked at: blank, or not UTF-8. */
static long bucket(PyObject *text, long buckets)
{
    Py_ssize_t n;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &n);
    if (bytes == NULL) {
        PyErr_Clear();
        return -1;
    }
    uint32_t crc = 0xFFFFFFFFu;
    int blank = 1;
    for (Py_ssize_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        crc = crc_of[(crc ^ c) & 0xFF] ^ (crc >> 8);
        blank &= c <= ' ' || c >= 0x80; /* other scripts have blanks, too */
    }
    return blank ? -1 : 1 + (long)((crc ^ 0xFFFFFFFFu) % (uint32_t)buckets);
}

/* The row of a cell: rows[value] where `rows` is a dict from texts and None, a bucket where it is their number. Returns -1
 * where the cell says nothing by itself, with an exception set if there was one. */
static long find(PyObject *rows, PyObject *value)
{
    if (value == NULL) return -1;
    if (Py_TYPE(value) == &PyFloat_Type) { /* NaN is how pandas spells None among objects */
        const double number = PyFloat_AsDouble(value);
        if (number == number) return -1;
        value = Py_None;
    }
    if (Py_TYPE(value) != &PyUnicode_Type && value != Py_None) return -1;
    if (PyLong_Check(rows)) return value == Py_None ? 0 : bucket(value, PyLong_AsLong(rows));
    PyObject *row = PyDict_GetItemWithError(rows, value);
    return row == NULL ? -1 : PyLong_AsLong(row);
}

/* Whether `rows` is what find() takes; else an exception is set. */
static int are_rows(PyObject *rows)
{
    if (PyDict_Check(rows) || (PyLong_Check(rows) && PyLong_AsLong(rows) > 0)) return 1;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "rows: a dict, or a number of buckets, is needed");
    return 0;
}

PyDoc_STRVAR(lookup_doc,
"lookup(values, rows, out, /)\n--\n\n"
"Write the row of each value to out, int32 (n,). Returns the positions that were left out, a list.\n\n"
"values is an array of objects (n,), of any stride; rows a dict from str and None to int, or a number of buckets into which\n"
"texts are hashed by their CRC-32. NaN is None. What is of another type, or not among the rows, is left out.");

static PyObject *lookup(PyObject *module, PyObject *args)
{
    PyObject *values, *rows, *out;
    if (!PyArg_ParseTuple(args, "OOO", &values, &rows, &out) || !are_rows(rows)) return NULL;
    Py_buffer from, to;
    if (PyObject_GetBuffer(values, &from, PyBUF_STRIDES | PyBUF_FORMAT) < 0) return NULL;
    if (PyObject_GetBuffer(out, &to, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    PyObject *left = NULL;
    if (!fits(&from, 1, sizeof(PyObject *), "values") || !fits(&to, 1, 4, "out")) goto done;
    if (from.format == NULL || strcmp(from.format, "O") || from.shape[0] != to.shape[0]) {
        PyErr_SetString(PyExc_ValueError, "values: an array of objects, as long as out, is needed");
        goto done;
    }
    left = PyList_New(0);
    for (Py_ssize_t i = 0; left != NULL && i < from.shape[0]; i++) {
        if (i + AHEAD < from.shape[0]) { /* objects lie anywhere */
            const char *later = *(char **)((char *)from.buf + (i + AHEAD) * from.strides[0]);
            __builtin_prefetch(later);
            __builtin_prefetch(later + 48);
        }
        const long code = find(rows, *(PyObject **)((char *)from.buf + i * from.strides[0]));
        ((int32_t *)to.buf)[i] = (int32_t)code;
        if (code != -1) continue;
        PyObject *position = PyErr_Occurred() ? NULL : PyLong_FromSsize_t(i);
        if (position == NULL || PyList_Append(left, position) < 0) Py_CLEAR(left);
        Py_XDECREF(position);
    }
done:
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    return left;
}

/* Reads a number as it is; returns whether it could: text and infinite ones say nothing by themselves. */
static int read_number(PyObject *value, double *number)
{
    *number = Py_NAN;
    if (value == Py_None) return 1;
    if (!PyFloat_Check(value) && !PyLong_Check(value)) return 0;
    *number = PyFloat_AsDouble(value);
    if (*number == -1.0 && PyErr_Occurred()) { /* an integer beyond any double */
        PyErr_Clear();
        return 0;
    }
    return *number - *number == 0.0 || *number != *number;
}

PyDoc_STRVAR(evaluate_row_doc,
"evaluate_row(plan, floats, doubles, names, rows, row, out, /)\n--\n\n"
"Write the logits of one row, a dict, to out, float32 (1, C). Returns whether it could be read; else out is as it was.\n\n"
"names are those of the columns of numbers, then of codes; rows, for each of the latter, are as in lookup(). Not read\n"
"are names that the row lacks, infinite numbers, and values of which neither type nor dict says what they are.");

static PyObject *evaluate_row(PyObject *module, PyObject *args)
{
    PyObject *program_objects[3], *names, *rows, *row, *out;
    if (!PyArg_ParseTuple(args, "OOOO!O!O!O", &program_objects[0], &program_objects[1], &program_objects[2], &PyTuple_Type,
                          &names, &PyTuple_Type, &rows, &PyDict_Type, &row, &out))
        return NULL;
    Program program;
    if (!take(&program, program_objects)) return NULL;
    const Plan *plan = &program.plan;
    PyObject *result = NULL;
    Py_buffer to;
    if (PyObject_GetBuffer(out, &to, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0) goto released;
    const int64_t p = plan->n_numbers, q = plan->n_codes;
    double *numbers = malloc(8 * p + 4 * q + 8);
    if (numbers == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    int32_t *codes = (int32_t *)(numbers + p);
    if (PyTuple_Size(names) != p + q || PyTuple_Size(rows) != q || plan->n_texts || to.len != 4 * plan->n_outputs) {
        PyErr_SetString(PyExc_ValueError, "names, rows, out and the program do not fit each other");
        goto done;
    }
    int read = 1;
    for (int64_t i = 0; read && i < p + q; i++) {
        PyObject *value = PyDict_GetItemWithError(row, PyTuple_GetItem(names, i));
        if (value == NULL) {
            read = 0;
        } else if (i < p) {
            read = read_number(value, numbers + i);
        } else {
            PyObject *own = PyTuple_GetItem(rows, i - p);
            const long code = are_rows(own) ? find(own, value) : -1;
            codes[i - p] = (int32_t)code;
            read = code != -1;
        }
        if (!read && PyErr_Occurred()) goto done;
    }
    const Inputs in = {(char *)numbers, (char *)codes, NULL, 8 * p, 8, 4 * q, 4, 0, 0};
    if (!read || run(plan, &in, 0, 1, to.buf)) result = PyBool_FromLong(read);
done:
    free(numbers);
    PyBuffer_Release(&to);
released:
    release(&program);
    return result;
}

PyDoc_STRVAR(use_doc,
"use(vectors=None, /)\n--\n\n"
"Choose the vectors, \"avx512\", \"avx2\" or \"portable\" (default: the widest here), and return those that are used.");

static PyObject *use(PyObject *module, PyObject *args)
{
    const char *most = NULL;
    if (!PyArg_ParseTuple(args, "|z", &most)) return NULL;
    choose(most);
    return PyUnicode_FromString(kernel->name);
}

static PyMethodDef methods[] = {
    {"evaluate", evaluate, METH_VARARGS, evaluate_doc},
    {"sigmoid", sigmoid, METH_VARARGS, sigmoid_doc},
    {"lookup", lookup, METH_VARARGS, lookup_doc},
    {"evaluate_row", evaluate_row, METH_VARARGS, evaluate_row_doc},
    {"use", use, METH_VARARGS, use_doc},
    {NULL, NULL, 0, NULL},
};

static int start(PyObject *module)
{
    (void)module;
    make_crc();
    choose(NULL);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, start}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "l0gm.native._compiled", "Rows to logits, and text to codes.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__compiled(void) { return PyModuleDef_Init(&definition); }

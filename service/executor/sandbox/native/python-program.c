/*
 * Python as a fork server, part of paddock-forks.so: how a forked Python gets its program, and how it ends.
 *
 * Python opens the program's file with fopen, from C, with no frame of Python's on the stack, when everything that comes
 * before a program is done. This is where it is forked, and where a child goes on: it waits for go, and runs the program
 * exactly as `python main.py` does.
 *
 * CPython ends by taking itself apart: it touches nearly every object there is, and in a forked process each page that is
 * touched is copied first. That is more than half of what a short program costs. Nobody can see the difference between
 * an interpreter that is taken apart and one that is dropped whole, as long as everything that the program itself has
 * made is taken apart: its threads are joined, its exit functions run, its modules cleared, its cycles collected, its
 * streams flushed. For that its exit status has to be known by then, which is why it is run from here.
 *
 * images/python/sitecustomize.py leaves two functions in sys._paddock: begin(go), which gets the message of go as bytes,
 * makes the state that of a program with these arguments and this environment, and returns its variables; and finish(),
 * which takes apart what the program has made and returns whether that was all. Where it was not, CPython goes its own
 * way to the end.
 */
#define _GNU_SOURCE
#include "python-program.h"

#include "forks.h"
#include "inside.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of CPython's stable interface; the library is built without its headers. */
typedef struct object PyObject;
#define FILE_INPUT 257
#define PRINT_RAW 1
#define FLUSH_FAILED 120

/* The names that are looked up in the interpreter; every one has to be there. */
#define FUNCTIONS(F)                                                                                          \
  F(int, PyGILState_Ensure, (void))                                                                           \
  F(void, PyOS_BeforeFork, (void))                                                                            \
  F(void, PyOS_AfterFork_Child, (void))                                                                       \
  F(PyObject *, PySys_GetObject, (const char *))                                                              \
  F(int, PySys_SetObject, (const char *, PyObject *))                                                         \
  F(PyObject *, PyTuple_GetItem, (PyObject *, long))                                                          \
  F(PyObject *, PyObject_CallFunction, (PyObject *, const char *, ...))                                       \
  F(PyObject *, PyBytes_FromStringAndSize, (const char *, long))                                              \
  F(PyObject *, PyObject_GetAttrString, (PyObject *, const char *))                                           \
  F(int, PyObject_IsTrue, (PyObject *))                                                                       \
  F(PyObject *, PyRun_FileExFlags, (FILE *, const char *, int, PyObject *, PyObject *, int, void *))          \
  F(int, PyErr_ExceptionMatches, (PyObject *))                                                                \
  F(void, PyErr_Fetch, (PyObject **, PyObject **, PyObject **))                                               \
  F(void, PyErr_Print, (void))                                                                                \
  F(void, PyErr_Clear, (void))                                                                                \
  F(int, PyFile_WriteObject, (PyObject *, PyObject *, int))                                                   \
  F(void, PySys_WriteStderr, (const char *, ...))                                                             \
  F(int, PyObject_IsInstance, (PyObject *, PyObject *))                                                       \
  F(long, PyLong_AsLong, (PyObject *))                                                                        \
  F(PyObject *, PyErr_Occurred, (void))                                                                       \
  F(void, Py_IncRef, (PyObject *))                                                                            \
  F(void, Py_DecRef, (PyObject *))                                                                            \
  F(void, PyEval_SetTrace, (void *, PyObject *))                                                              \
  F(void, PyEval_SetProfile, (void *, PyObject *))                                                                            \
  F(int, Py_FinalizeEx, (void))
#define OBJECTS(F) F(PyExc_BaseException) F(PyExc_SystemExit) F(PyExc_KeyboardInterrupt)

#define DECLARE_FUNCTION(result, name, parameters) result(*name) parameters;
#define DECLARE_OBJECT(name) PyObject **name;
static struct {
  FUNCTIONS(DECLARE_FUNCTION)
  OBJECTS(DECLARE_OBJECT)
} py;
static PyObject *none, *number_type;

static int find_interpreter(void) {
#define FIND_FUNCTION(result, name, parameters) \
  if (!(*(void **)&py.name = dlsym(RTLD_DEFAULT, #name))) return 0;
#define FIND_OBJECT(name) \
  if (!(*(void **)&py.name = dlsym(RTLD_DEFAULT, #name))) return 0;
  FUNCTIONS(FIND_FUNCTION)
  OBJECTS(FIND_OBJECT)
  none = dlsym(RTLD_DEFAULT, "_Py_NoneStruct");
  number_type = dlsym(RTLD_DEFAULT, "PyLong_Type");
  return none && number_type;
}

/* What `sys.exit(code)` means: nothing is 0, a number itself, anything else is printed and 1. */
static int status_of(PyObject *code) {
  if (!code || code == none) return 0;
  if (py.PyObject_IsInstance(code, number_type) == 1) {
    long status = py.PyLong_AsLong(code); /* -1 where it does not fit */
    py.PyErr_Clear();
    return (int)status;
  }
  PyObject *stream = py.PySys_GetObject("stderr");
  if (stream && stream != none) py.PyFile_WriteObject(code, stream, PRINT_RAW);
  py.PyErr_Clear();
  py.PySys_WriteStderr("\n");
  return 1;
}

static int status_of_exit(void) {
  PyObject *type, *value, *trace;
  py.PyErr_Fetch(&type, &value, &trace);
  fflush(stdout);
  /* Not made an exception of where it is none yet, as CPython leaves it: sys.exit((3,)) prints a tuple. */
  int made = value && py.PyObject_IsInstance(value, *py.PyExc_BaseException) == 1;
  PyObject *code = made ? py.PyObject_GetAttrString(value, "code") : NULL;
  if (!code) py.PyErr_Clear();
  int status = status_of(code ? code : value);
  /* The trace holds the program's frames, and they hold all its variables: nothing would be deleted at the end. */
  PyObject *held[] = {code, type, value, trace};
  for (int i = 0; i < 4; i++) py.Py_DecRef(held[i]); /* which takes NULL as well */
  return status;
}

static int ends_well;

/* Registered before all others, so it comes after them; what they left in C's streams goes out first. */
static void tell_end(void) {
  if (!ends_well) return;
  fflush(NULL);
  end_well();
}

static int run(FILE *file, const char *path, PyObject *globals, int *interrupted) {
  PyObject *result = py.PyRun_FileExFlags(file, path, FILE_INPUT, globals, globals, 1, NULL);
  if (result) {
    py.Py_DecRef(result);
    return 0;
  }
  if (py.PyErr_ExceptionMatches(*py.PyExc_SystemExit)) return status_of_exit();
  *interrupted = py.PyErr_ExceptionMatches(*py.PyExc_KeyboardInterrupt);
  py.PyErr_Print();
  return 1;
}

static void __attribute__((noreturn)) end(PyObject *finish, int status, int interrupted) {
  /* A program that traces itself must not find finish() among its own calls. */
  py.PyEval_SetTrace(NULL, NULL);
  py.PyEval_SetProfile(NULL, NULL);
  PyObject *result = py.PyObject_CallFunction(finish, NULL);
  if (!result) py.PyErr_Clear();
  int all = result && py.PyObject_IsTrue(result) == 1;
  /* What it holds would outlive CPython's own end, and with it what a program has hung there. */
  py.Py_DecRef(finish);
  if (!all && py.Py_FinalizeEx() < 0) status = FLUSH_FAILED;
  if (interrupted) {
    signal(SIGINT, SIG_DFL);
    kill(getpid(), SIGINT);
    status = 128 + SIGINT;
  }
  ends_well = all && status == 0;
  exit(status);
}

/* A zip archive, or compiled code: Python has ways of its own to run these, from its very start. */
static int is_source(FILE *file) {
  static char bytes[1 << 16];
  size_t got = fread(bytes, 1, 4, file);
  if (got == 4 && bytes[2] == '\r' && bytes[3] == '\n') return 0;
  /* The directory of an archive is at its end, behind whatever comes before. */
  if (fseek(file, 0, SEEK_END) < 0) return 1;
  long size = ftell(file), from = size > (long)sizeof bytes ? size - (long)sizeof bytes : 0;
  fseek(file, from, SEEK_SET);
  got = fread(bytes, 1, sizeof bytes, file);
  rewind(file);
  return memmem(bytes, got, "PK\5\6", 4) == NULL;
}

int python_is_ready(void) { return atexit(tell_end) == 0 && find_interpreter(); }

void serve_python(const char *path, int (*fork_process)(void), FILE *(*open_file)(const char *, const char *)) {
  py.PyGILState_Ensure();
  PyObject *both = py.PySys_GetObject("_paddock");
  PyObject *begin = both ? py.PyTuple_GetItem(both, 0) : NULL, *finish = begin ? py.PyTuple_GetItem(both, 1) : NULL;
  if (!finish) _exit(125);
  py.Py_IncRef(begin);
  py.Py_IncRef(finish);
  py.PySys_SetObject("_paddock", NULL);
  py.PyOS_BeforeFork();
  serve(fork_process, THE_CALLER_ALONE);
  py.PyOS_AfterFork_Child();

  int interrupted = 0;
  size_t length;
  const char *message = take_go(&length);
  PyObject *go = py.PyBytes_FromStringAndSize(message, (long)length);
  FILE *file = open_file(path, "rb");
  PyObject *globals = py.PyObject_CallFunction(begin, "Ni", go, file ? is_source(file) : 1);
  py.Py_DecRef(begin);
  if (!file) {
    if (!globals) py.PyErr_Print();
    else perror(path);
    exit(globals ? 2 : 1);
  }
  int status = run(file, path, globals, &interrupted);
  py.Py_DecRef(globals);
  end(finish, status, interrupted);
}

/* A module whose objects write when they are let go, and say so nowhere. Python's headers need not be installed:
   what is used of the stable interface is declared here. */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

typedef struct { ptrdiff_t references; void *type; } Object;
typedef struct { int slot; void *function; } Slot;
typedef struct { const char *name; int size, item; unsigned flags; Slot *slots; } Spec;
typedef struct {
    Object head;
    void *init;
    ptrdiff_t index;
    void *copy;
    const char *name, *doc;
    ptrdiff_t size;
    void *methods, *slots, *traverse, *clear, *free;
} Module;

extern Object *PyType_FromSpec(Spec *);
extern Object *PyModule_Create2(Module *, int);
extern int PyModule_AddObject(Object *, const char *, Object *);
extern void PyObject_Free(void *);
extern void PyObject_GC_UnTrack(void *);
extern void PyObject_GC_Del(void *);

static void let_go(Object *self) {
    int told = open("told", O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (told >= 0) {
        if (write(told, "let go\n", 7) != 7) _exit(9);
        close(told);
    }
    PyObject_Free(self);
}

/* One that the garbage collector knows, and that has its file open. */
typedef struct { Object head; int told; } Open;

static int begin(Object *self, Object *arguments, Object *names) {
    ((Open *)self)->told = open("told", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return 0;
}

static int traverse(Object *self, void *visit, void *data) { return 0; }

static void close_it(Object *self) {
    PyObject_GC_UnTrack(self);
    if (write(((Open *)self)->told, "closed\n", 7) != 7) _exit(9);
    PyObject_GC_Del(self);
}

static Slot open_slots[] = {{52 /* Py_tp_dealloc */, close_it}, {60 /* Py_tp_init */, begin},
    {71 /* Py_tp_traverse */, traverse}, {0, NULL}};
static Spec open_spec = {"handle.Open", sizeof(Open), 0, 1 << 14 /* Py_TPFLAGS_HAVE_GC */, open_slots};

static Slot slots[] = {{52 /* Py_tp_dealloc */, let_go}, {0, NULL}};
static Spec spec = {"handle.Handle", sizeof(Object), 0, 0, slots};
static Module module = {{1, NULL}, NULL, 0, NULL, "handle", NULL, -1, NULL, NULL, NULL, NULL, NULL};

Object *PyInit_handle(void) {
    Object *made = PyModule_Create2(&module, 1013);
    PyModule_AddObject(made, "Handle", PyType_FromSpec(&spec));
    PyModule_AddObject(made, "Open", PyType_FromSpec(&open_spec));
    return made;
}

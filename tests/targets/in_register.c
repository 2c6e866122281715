/* Objects that nothing leads to, but for one, which is in a register: a module for in_register.py. CPython 3.6 to 3.15.
 * Takes -O2: what else is a variable would be on the stack. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#define OBJECTS 64

static uintptr_t hidden[OBJECTS]; /* addresses with every bit the other way */

/*
 * hold(make, path, which): results of make(), each with one reference. Writes to path the line "-" and one for each,
 * its hidden address in hexadecimal; has the one of that number in a register, and then turns the "-" into a "+", for
 * good.
 */
static PyObject *hold(PyObject *self, PyObject *args)
{
	volatile char *holds;
	PyObject *make;
	const char *path;
	uintptr_t object;
	FILE *file;
	int i, which;

	(void)self;
	if (!PyArg_ParseTuple(args, "Osi", &make, &path, &which) || which < 0 || which >= OBJECTS)
		return NULL;
	for (i = 0; i < OBJECTS; i++) {
		PyObject *one = PyObject_CallObject(make, NULL);

		if (!one)
			return NULL;
		hidden[i] = ~(uintptr_t)one;
	}
	file = fopen(path, "w+");
	if (!file)
		return PyErr_SetFromErrno(PyExc_OSError);
	fputs("-\n", file);
	for (i = 0; i < OBJECTS; i++)
		fprintf(file, "%lx\n", (unsigned long)hidden[i]);
	fflush(file);
	holds = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
	if (holds == MAP_FAILED)
		return PyErr_SetFromErrno(PyExc_OSError);
	object = ~hidden[which];
	for (;;) {
		__asm__ volatile("" : "+r"(object)); /* whatever it is used for here, it takes a register */
		*holds = '+';
	}
}

static PyMethodDef methods[] = {{"hold", hold, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT, "in_register", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_in_register(void)
{
	return PyModule_Create(&definition);
}

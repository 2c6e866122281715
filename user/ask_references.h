/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions about references: who refers to objects (--backrefs), what they refer to (--refs), why they are alive
 * (--chain), and whose references nobody accounts for (--leaks). Each is answered from one look, with its memory, or
 * from a file.
 */
#ifndef OGT_ASK_REFERENCES_H
#define OGT_ASK_REFERENCES_H

#include "watching.h"

/* By the mode of the command line. look: the run's, with its memory; of a file, the file's. 0, or -1 and the error. */
int ask_references(struct watch *watch, struct capture *look, struct error *error);

#endif

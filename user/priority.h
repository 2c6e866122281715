/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On a busy machine a hold lasts as long as its copy waits for a CPU, and a window opens when the target blocks and not
 * when it should. So what has to happen at its moment goes first; all other work is ordinary.
 */
#ifndef OGT_PRIORITY_H
#define OGT_PRIORITY_H

/* Raises this thread's priority, where it may (CAP_SYS_NICE). What priority_usual() takes to put it back. */
int priority_hurry(void);
void priority_usual(int usual);

#endif

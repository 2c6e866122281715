/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions that are asked once: how many (--types, --count-of), which are new (--new-ids), what is there (--inspect).
 * Each gets the run's first look, or the one that a file holds, and takes another of a process if it needs one. 0, or
 * -1 and the error.
 */
#ifndef OGT_ASK_H
#define OGT_ASK_H

#include "watching.h"

int ask_types(struct watch *watch, const struct capture *first, struct error *error);
void ask_count_of(struct watch *watch, const struct capture *first);
int ask_new_ids(struct watch *watch, const struct capture *first, struct error *error);
int ask_inspect(struct watch *watch, const struct capture *first, struct error *error);

/*
 * Of files: ids that are new in the last one since the first, and there in all between. With three or more those alone
 * count that are the same objects in all since the second.
 */
struct ask_files {
	const struct ids *ids; /* of each */
	const struct heap *heaps; /* likewise */
	size_t count;
	double seconds; /* between the first and the last; 0: not known */
};
int ask_new_ids_of(struct watch *watch, const struct ask_files *files, struct error *error);

/* The last comparison of a state file once more, from the file alone: there is no target. */
int ask_state(struct watch *watch, struct error *error);

#endif

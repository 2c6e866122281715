/* SPDX-License-Identifier: BSD-2-Clause */
/* The file behind --peaks: the highest count seen of each type, under both forms of its name, kept across runs. */
#ifndef OGT_PEAKS_H
#define OGT_PEAKS_H

#include <stdbool.h>

#include "counts.h"
#include "error.h"

struct peaks {
	struct counts names; /* by __name__ */
	struct counts full_names; /* by __module__.__name__ */
};

void peaks_free(struct peaks *peaks);

/*
 * Reads the file. One that does not exist is empty unless it must. An unreadable or corrupt one is an error, with the
 * place in the sentence, and stays as it is.
 */
int peaks_load(struct peaks *peaks, const char *path, bool must_exist, struct error *error);

/* Replaces the file in one step: whoever reads it sees the old or the new one whole, also when the disk fills up. */
int peaks_save(const struct peaks *peaks, const char *path, struct error *error);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation sites: which Python lines made the sampled objects, and how many of those are still alive. File and line
 * are read from code objects as soon as a sample arrives, while they live.
 */
#ifndef OGT_SITES_H
#define OGT_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alloc_probe.h"
#include "capture.h"
#include "code.h"
#include "python.h"
#include "stream.h"

struct sites;

/* Sampled births of one type with one stack. */
struct allocation_site {
	const struct code_position *frame[ALLOC_PROBE_FRAMES]; /* innermost first; borrowed from the sites */
	size_t frames;
	uint64_t alive, sampled; /* objects of the samples: alive at the last check, and all */
	/*
	 * Survivors, certain ones. Where deaths were not followed, the address of a dead object may have gone to one
	 * that looks alike; a line that makes many objects of which few stay has most of these. So each counts for the
	 * share of its line's samples that are alive, of those that were when their windows closed, unless it is
	 * certain that it is the one: it holds values that no other sample of its type held (contents.h).
	 */
	double survivors;
};

/* NULL when out of memory. The python is borrowed; dropped is told of followed samples that are given up. */
struct sites *sites_new(
	const struct python *python, void (*dropped)(void *context, const struct stream_object *object), void *context);
void sites_free(struct sites *sites);

/* How many samples were given up since this was last asked, as there was no room for another stack. */
uint64_t sites_refused(struct sites *sites);

/* A round of samples: what was read of code objects before is read again, as they may be others by now. */
void sites_begin(struct sites *sites);
void sites_add(struct sites *sites, const struct alloc_probe_birth *birth);

/*
 * A window has closed, and nobody sees deaths until the next: what was sampled in it has to stand for itself. Of the
 * last objects born in it, those that fewer than `after` hits followed up to hit number `births` and time `now` (ns),
 * nothing can be said, as they may be anybody's temporaries: they are given up, as if never sampled. Of the others it
 * is remembered what they look like, so that another object at the same address will not be taken for them.
 */
void sites_close_window(struct sites *sites, uint64_t births, uint64_t after, uint64_t now);

/*
 * Finds out which samples are alive: those that the census has under the same type and, where deaths were followed,
 * that are in live with the same time of birth; where they were not, that look as they did when their window closed (an
 * object that was changed since counts as gone) and lie on the youngest list in the order of their births. Births after
 * `cut` (ns) are left for the next time. The others are dropped. -1 when out of memory.
 */
int sites_check(struct sites *sites, const struct capture *capture, const struct stream_objects *live, uint64_t cut);

/*
 * From here on deaths are not seen any more: what is not in live has died; the rest has to stand for itself. seen tells
 * whether deaths of a type were.
 */
void sites_unfollow(struct sites *sites, const struct stream_objects *live, uint64_t births, uint64_t after,
	uint64_t now, bool (*seen)(void *context, uint64_t type), void *context);

/* The order of sites: most survivors first. For qsort. */
int sites_compare(const void *a, const void *b);

/*
 * The sites of a type, most survivors first; those without any left out. *found is malloc'ed, the frames stay the
 * sites'. The number of sites, -1 when out of memory.
 */
ssize_t sites_of(const struct sites *sites, uint64_t type, struct allocation_site **found);

#endif

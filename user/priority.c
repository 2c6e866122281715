// SPDX-License-Identifier: BSD-2-Clause
#include "priority.h"

#include <sys/resource.h>

#define NICE -20

int priority_hurry(void)
{
	int usual = getpriority(PRIO_PROCESS, 0);

	if (usual > NICE)
		setpriority(PRIO_PROCESS, 0, NICE);
	return usual;
}

void priority_usual(int usual)
{
	setpriority(PRIO_PROCESS, 0, usual);
}

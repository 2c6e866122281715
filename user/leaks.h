/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OGT_LEAKS_H
#define OGT_LEAKS_H
#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmp-layer --step: one step of a build.  A JSON object on standard input says what to do, one on
 * standard output what came of it:
 *
 *	{"target": TREE, "source": TREE, "place": DIR, "actions": [ACTION…], "digest": {…},
 *	 "commit": {"upper": DIR, "blob": FILE, "epoch_s": N}}
 *
 * TREE is {"path": DIR} or {"layers": [DIR, lowest first]}, for the target with "upper" and "work":
 * an overlay, mounted in a mount namespace of our own.  ACTION is copy, write or mkdir (step.c).
 * The trees are reached by descriptors only, from an empty root; place is an empty directory.
 */
#ifndef IMAGES_LAYER_STEP_H
#define IMAGES_LAYER_STEP_H

#include "base/error.h"

int step_run(struct error *err) MUST_CHECK;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the supervisor and cmp-registry say to each other over a stream socket: frames of a kind, a
 * length and a payload.  A request opens the conversation; the program answers with the documents
 * of the image and the layers that it has; the supervisor asks for those that it lacks, and hands
 * over with each the descriptor that the bytes go to.
 */
#ifndef IMAGES_REGISTRY_PROTOCOL_H
#define IMAGES_REGISTRY_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum registry_frame {
	/* to the program */
	REGISTRY_PULL,	/* {registry, path, reference, platform?, auth?}: must be the first */
	REGISTRY_CHECK, /* {registry, auth}: instead of REGISTRY_PULL; the exit status answers */
	/* {registry, path, reference, auth?, blobs: [{digest, size, mount?}], manifest: {type,
	 * size}}: instead of REGISTRY_PULL; `mount`: a repository of the registry that may have the
	 * blob */
	REGISTRY_PUSH,
	REGISTRY_GIVE,	/* {blob: number}, with a descriptor: answers REGISTRY_WANT */
	REGISTRY_FETCH, /* {layer: number}, with a descriptor */
	/* from the program */
	REGISTRY_INDEX,	   /* the index, byte for byte; only when the reference names one */
	REGISTRY_MANIFEST, /* the manifest of the platform, byte for byte */
	REGISTRY_CONFIG,   /* the image document, byte for byte */
	REGISTRY_LAYERS,   /* [{digest, size, diff_id}], lowest first; now layers may be fetched */
	REGISTRY_PROGRESS, /* {layer, bytes} */
	REGISTRY_NOTE,	   /* {layer?, text}: goes on, but the user may want to know */
	REGISTRY_FETCHED,  /* {layer}: all its bytes have been written */
	REGISTRY_WANT,	   /* {blob: number}; the number after the last blob is the manifest */
	REGISTRY_STATE,	   /* {blob: number, text, done}: what becomes of it */
	REGISTRY_SENT,	   /* {blob, bytes} */
	REGISTRY_PUSHED,   /* {}: the registry has all of it */
	REGISTRY_FAILED,   /* {code: errno, message}: the end */
	REGISTRY_FRAME_MAX
};

#define REGISTRY_HEAD	      8
#define REGISTRY_REQUEST_MAX  ((size_t)128 << 10) /* of a frame to the program */
#define REGISTRY_MANIFEST_MAX ((size_t)4 << 20)
#define REGISTRY_CONFIG_MAX   ((size_t)8 << 20) /* also: the largest frame of all */
#define REGISTRY_LAYERS_MAX   500

/* Appends a frame. */
void registry_frame_add(struct buf *out, enum registry_frame kind, const void *data, size_t len);
/*
 * Looks at the front of what has arrived.  1: a frame is complete, `*ret_data` points into `in` and
 * registry_frame_drop removes it; 0: more bytes are needed; -EBADMSG for an unknown kind or one
 * over the limit.
 */
int registry_frame_next(const struct buf *in, enum registry_frame *ret_kind, const char **ret_data,
			size_t *ret_len, struct error *err) MUST_CHECK;
void registry_frame_drop(struct buf *in);
/* Sends a short frame at once, a descriptor with it unless that is -1.  -EAGAIN when it does not
 * fit. */
int registry_frame_send(int socket, enum registry_frame kind, const void *data, size_t len, int fd,
			struct error *err) MUST_CHECK;
/* Waits for a frame to the program; *ret_fd is the descriptor that came along, or -1.  0 at the
 * end. */
int registry_frame_receive(int socket, enum registry_frame *ret_kind, struct buf *ret, int *ret_fd,
			   struct error *err) MUST_CHECK;

#endif

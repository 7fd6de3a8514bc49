/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A picture of many switches, pod by pod, or the switches of two pods by each other. Pure.
 *
 * What a pod is, the caller may know. If it does not, or if that makes one pod, too many, or one of
 * too many switches, a pod is what has the same name before its last number: pod3-tor1 and
 * pod3-tor2. If that does not help either, it is a part of the switches in the order of their
 * names. A pod "?" has the switches whose pod is not known, which are no pod; those of ports with
 * several switches, as "leaf1+leaf2", are in the pod of the first one.
 */
#ifndef RPINGMESH_CENTRAL_PICTURE_PICTURE_PODS_H
#define RPINGMESH_CENTRAL_PICTURE_PICTURE_PODS_H

#include <stdint.h>

struct picture_pods;
struct picture_view;

#define PICTURE_MANY 384u      /* more switches are shown by pods */
#define PICTURE_PODS_MAX 256u

/* The pod of the switch of this name; NULL: it is not known. Borrowed during the call. */
typedef const char *picture_pod_of(void *arg, const char *name);

/* `of` may be NULL. Returns 0 and sets *out, which the caller owns, or -ENOMEM. */
int picture_pods_new(struct picture_view *view, picture_pod_of *of, void *arg,
		     struct picture_pods **out);
/* NULL is allowed. */
void picture_pods_free(struct picture_pods *pods);

/*
 * Chooses the switches of two pods, by the names of these, instead of all pods. Returns 0, -ENOENT
 * if there is no such pod, or -ENOMEM.
 */
int picture_pods_into(struct picture_pods *pods, const char *from, const char *to);

/*
 * Looks at the next pairs. Returns 1 if there are more; 0, and sets *out, which the caller
 * releases; or -ENOMEM. Counts are sums. The RTTs of two pods are those of their worst pair: the
 * one with the highest median against the usual one; the 99th percentile is the highest.
 */
int picture_pods_step(struct picture_pods *pods, struct picture_view **out);

#endif

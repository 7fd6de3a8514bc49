/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOC: pages of peers and targets
 *
 * The cursor (`after`) of peers is the id of the last peer of a page. That of targets is the id of
 * a peer, and the number of its targets that are packed. The list of peers is in the order of the
 * ids, so pages stay right if a peer goes meanwhile. If a target goes, another one of the same peer
 * may be left out.
 */
#include "agent/tell/peer_page.h"

#include "agent/peer/peer.h"
#include "serve/param.h"
#include "agent/tell/peer_record.h"
#include "agent/tell/tell.h"
#include "record/record.h"

#define PEER_PAGE_TARGET_BITS 16 /* of a cursor: targets packed of the peer above them */

struct peer_pager {
	msgpack_sbuffer packed;
	msgpack_packer pk;
	uint32_t n;      /* records that are packed */
	uint64_t left;   /* records that still may be */
	uint64_t next;   /* 0: this is the last page */
};

static void
peer_pager_begin(struct peer_pager *pager, const struct param_page *page)
{
	*pager = (struct peer_pager){.left = page->asked ? page->limit : UINT64_MAX};
	msgpack_sbuffer_init(&pager->packed);
	msgpack_packer_init(&pager->pk, &pager->packed, msgpack_sbuffer_write);
}

static void
peer_pager_end(struct peer_pager *pager, enum record_map map, const char *key,
	       const struct param_page *page, msgpack_packer *result)
{
	msgpack_packer *pk = result;
	struct record r;

	if (page->asked) {
		record_begin(&r, map);
		pk = record_key(&r, key);
	}
	msgpack_pack_array(pk, pager->n);
	if (pager->packed.size)
		pk->callback(pk->data, pager->packed.data, pager->packed.size);
	if (page->asked) {
		record_u64_if(&r, "next", pager->next, pager->next != 0);
		record_end(&r, result);
	}
	msgpack_sbuffer_destroy(&pager->packed);
}

void
peer_page(const struct tell *t, const struct param_page *page, msgpack_packer *result)
{
	struct peer_pager pager;
	uint64_t last = 0;

	peer_pager_begin(&pager, page);
	for (struct peer *p = NULL; !pager.next && (p = peers_next(t->peers, p));) {
		struct peer_info info;

		peer_info(p, &info);
		if (info.id <= page->after)
			continue;
		if (pager.left-- == 0) {
			pager.next = last;
			break;
		}
		last = info.id;
		peer_record(&pager.pk, p);
		pager.n++;
	}
	peer_pager_end(&pager, RECORD_PEERS, "peers", page, result);
}

/* Packs the targets of one peer, without the first `skip`. */
static void
peer_page_targets_of(struct peer_pager *pager, const struct peer *peer, uint64_t skip)
{
	const struct prober_target *target = NULL;
	struct prober_target_info info;
	struct peer_info is;
	uint64_t walked = 0;

	peer_info(peer, &is);
	while (is.prober && (target = prober_peer_next_target(is.prober, target))) {
		prober_target_info(target, &info);
		if (info.config.kind == PROBE_KIND_SERVICE || ++walked <= skip)
			continue;
		if (pager->left == 0) {
			pager->next = is.id << PEER_PAGE_TARGET_BITS | (walked - 1);
			return;
		}
		pager->left--;
		peer_record_target(&pager->pk, peer, target);
		pager->n++;
	}
}

void
peer_page_targets(const struct tell *t, const struct param_page *page, msgpack_packer *result)
{
	uint64_t id = page->after >> PEER_PAGE_TARGET_BITS;
	uint64_t skip = page->after & ((1u << PEER_PAGE_TARGET_BITS) - 1);
	struct peer_pager pager;

	peer_pager_begin(&pager, page);
	for (struct peer *p = NULL; !pager.next && (p = peers_next(t->peers, p));) {
		struct peer_info info;

		peer_info(p, &info);
		if (info.id >= id)
			peer_page_targets_of(&pager, p, info.id == id ? skip : 0);
	}
	peer_pager_end(&pager, RECORD_TARGETS, "targets", page, result);
}

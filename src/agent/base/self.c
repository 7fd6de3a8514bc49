/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/self.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/addr.h"
#include "core/clock.h"
#include "core/log.h"
#include "agent/config/config.h"
#include "rpingmesh/log_subsystems.h"

uint64_t
self_random(void)
{
	uint64_t v = 0;

	while (getrandom(&v, sizeof(v), 0) != sizeof(v) && errno == EINTR)
		;
	return v;
}

uint64_t
self_incarnation_for(const struct self *self, const struct addr *peer)
{
	return siphash(self->secret, peer->raw, sizeof(peer->raw));
}

void
self_name(struct self *self, const struct config *config)
{
	if (config->hostname[0])
		snprintf(self->hostname, sizeof(self->hostname), "%s", config->hostname);
	else if (gethostname(self->hostname, sizeof(self->hostname)) < 0)
		snprintf(self->hostname, sizeof(self->hostname), "?");
	snprintf(self->tor, sizeof(self->tor), "%s", config->tor);
}

void
self_look(struct self *self, const struct config *config)
{
	struct self now = *self;

	self_name(&now, config);
	if (strcmp(now.hostname, self->hostname) == 0)
		return;
	log_info(MAIN, "this host is %s now, was %s", now.hostname, self->hostname);
	memcpy(self->hostname, now.hostname, sizeof(self->hostname));
}

void
self_init(struct self *self, const struct config *config)
{
	*self = (struct self){
		.incarnation = self_random(),
		/* A Q_Key with the high bit set is privileged. */
		.qkey = (uint32_t)self_random() & 0x7fffffffu,
		.started_ns = clock_mono_ns(),
	};
	for (size_t i = 0; i < sizeof(self->secret); i += sizeof(uint64_t)) {
		uint64_t bits = self_random();

		memcpy(self->secret + i, &bits, sizeof(bits));
	}
	self_name(self, config);
}

void
self_user(struct self *self)
{
	const struct passwd *user = getpwuid(geteuid());

	if (user)
		snprintf(self->user, sizeof(self->user), "%s", user->pw_name);
	else
		snprintf(self->user, sizeof(self->user), "%u", (unsigned int)geteuid());
}

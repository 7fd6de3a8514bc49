/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"
#include "rpingmesh/log_subsystems.h"

#define LISTEN_BACKLOG 64

static int
listen_address(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	strcpy(sun->sun_path, path);
	return 0;
}

static int
listen_socket_new(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Whether a program listens there. 0: no; -EADDRINUSE: yes; other -errno: unknown. */
static int
listen_probe(const struct sockaddr_un *sun)
{
	int fd = listen_socket_new(), rc;

	if (fd < 0)
		return fd;
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? -errno : -EADDRINUSE;
	close(fd);
	if (rc == -ECONNREFUSED || rc == -ENOENT)
		return 0;
	return rc == -EAGAIN ? -EADDRINUSE : rc; /* the queue of a listener is full */
}

/* Removes a socket without a listener, and nothing else. */
static int
listen_clear(const struct sockaddr_un *sun)
{
	struct stat st;
	int rc;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	rc = listen_probe(sun);
	if (rc < 0)
		return rc;
	log_info(CONTROL, "%s: nobody listens there any more, replaced", sun->sun_path);
	return unlink(sun->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

gid_t
listen_group(const char *path, const char *name)
{
	const struct group *group;

	if (!name || !*name)
		return LISTEN_NO_GROUP;
	group = getgrnam(name);
	if (group)
		return group->gr_gid;
	log_warning(CONTROL,
		    "%s: there is no group \"%s\": only root and the daemon's own user may connect "
		    "(groupadd -r %s)",
		    path, name, name);
	return LISTEN_NO_GROUP;
}

static int
listen_bind(int fd, const struct sockaddr_un *sun, bool shared)
{
	mode_t old = umask(shared ? 0117 : 0177);
	int rc = bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? -errno : 0;

	umask(old);
	return rc;
}

/* Gives the socket to the group. It cannot be connected before listen(2), so this is in time. */
static void
listen_share(const char *path, gid_t gid)
{
	if (chown(path, (uid_t)-1, gid) == 0)
		return;
	log_warning(CONTROL,
		    "%s: chown to group %u: %s: only root and the daemon's own user may connect",
		    path, (unsigned int)gid, strerror(errno));
	if (chmod(path, 0600) < 0)
		log_warning(CONTROL, "%s: chmod 0600: %s", path, strerror(errno));
}

static int
listen_failed(const char *path, int rc)
{
	const char *why = strerror(-rc);

	if (rc == -EADDRINUSE)
		why = "another daemon listens there already";
	else if (rc == -EEXIST)
		why = "the file exists and is not a socket";
	else if (rc == -ENOENT)
		why = "its directory does not exist: make it, or start the daemon by systemd, "
		      "which does";
	log_error(CONTROL, "control socket %s: %s", path, why);
	return rc;
}

/* Binds fd and listens. *out identifies the file that was made, also on failure. */
static int
listen_make(int fd, const struct sockaddr_un *sun, gid_t gid, struct listen_socket *out)
{
	struct stat st;
	int rc = listen_bind(fd, sun, gid != LISTEN_NO_GROUP);

	if (rc < 0)
		return rc;
	if (lstat(sun->sun_path, &st) < 0)
		return -errno;
	out->made = true;
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	if (gid != LISTEN_NO_GROUP)
		listen_share(sun->sun_path, gid);
	return listen(fd, LISTEN_BACKLOG) < 0 ? -errno : 0;
}

int
listen_open(const char *path, gid_t group, struct listen_socket *out)
{
	struct listen_socket made = {.fd = -1};
	struct sockaddr_un sun;
	int rc = listen_address(path, &sun);

	if (rc == 0)
		rc = listen_clear(&sun);
	if (rc == 0)
		rc = made.fd = listen_socket_new();
	if (rc >= 0)
		rc = listen_make(made.fd, &sun, group, &made);
	if (rc < 0) {
		listen_close(&made, path);
		return listen_failed(path, rc);
	}
	*out = made;
	return 0;
}

int
listen_adopt(int fd, struct listen_socket *out)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		int rc = -errno;

		log_error(CONTROL, "control socket passed as descriptor %d: %s", fd, strerror(-rc));
		return rc;
	}
	*out = (struct listen_socket){.fd = fd};
	return 0;
}

bool
listen_is_removed(const struct listen_socket *listen, const char *path)
{
	struct stat st;

	return listen->made && lstat(path, &st) < 0 && errno == ENOENT;
}

bool
listen_can_make(const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	return access(dirname(dir), W_OK) == 0;
}

void
listen_close(struct listen_socket *listen, const char *path)
{
	struct stat st;

	if (listen->made && lstat(path, &st) == 0 && st.st_dev == listen->dev &&
	    st.st_ino == listen->ino)
		unlink(path);
	if (listen->fd >= 0)
		close(listen->fd);
	*listen = (struct listen_socket){.fd = -1};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wire/kernelnic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* include/rdma/ib_addr.h: GRH 40, UDP 8, BTH 12, XRC 4, AtomicETH 28, ICRC 4 */
#define KERNELNIC_HEADERS 96

static bool
kernelnic_is_name(const char *name)
{
	return name && name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

/* Reads the first line of a file. */
static int __attribute__((format(printf, 3, 4)))
kernelnic_line(const struct kernelnic *nic, char line[KERNELNIC_TEXT], const char *format, ...)
{
	char path[PATH_MAX];
	int at = snprintf(path, sizeof(path), "%s", nic->root);
	va_list values;
	ssize_t n;
	int fd;

	va_start(values, format);
	at += vsnprintf(path + at, sizeof(path) - (size_t)at, format, values);
	va_end(values);
	if (at >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, line, KERNELNIC_TEXT - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

static int
kernelnic_number(const char *line, uint64_t *out)
{
	char *end;
	unsigned long long value;

	if (line[0] < '0' || line[0] > '9')
		return -EBADMSG;
	errno = 0;
	value = strtoull(line, &end, 10);
	if (errno != 0 || *end != '\0')
		return -EBADMSG;
	*out = value;
	return 0;
}

int
kernelnic_gid(const struct kernelnic *nic, unsigned int index, struct addr *address,
	      char type[KERNELNIC_TEXT], char netdev[KERNELNIC_TEXT])
{
	char line[KERNELNIC_TEXT], kind[KERNELNIC_TEXT], name[KERNELNIC_TEXT];
	struct addr read;
	int rc;

	if (!kernelnic_is_name(nic->device))
		return -EINVAL;
#define KERNELNIC_PORT "/sys/class/infiniband/%s/ports/%u/"
	rc = kernelnic_line(nic, line, KERNELNIC_PORT "gids/%u", nic->device, nic->port, index);
	if (rc == 0)
		rc = kernelnic_line(nic, kind, KERNELNIC_PORT "gid_attrs/types/%u", nic->device,
				    nic->port, index);
	if (rc == 0)
		rc = kernelnic_line(nic, name, KERNELNIC_PORT "gid_attrs/ndevs/%u", nic->device,
				    nic->port, index);
	if (rc == 0 && addr_parse(line, &read) < 0)
		rc = -EBADMSG;
	if (rc < 0)
		return rc;
	*address = read;
	strcpy(type, kind);
	strcpy(netdev, name);
	return 0;
}

int
kernelnic_mtu(const struct kernelnic *nic, uint64_t *out)
{
	char line[KERNELNIC_TEXT];
	int rc;

	if (!kernelnic_is_name(nic->netdev))
		return -EINVAL;
	rc = kernelnic_line(nic, line, "/sys/class/net/%s/mtu", nic->netdev);
	return rc < 0 ? rc : kernelnic_number(line, out);
}

int
kernelnic_counter(const struct kernelnic *nic, const char *name, uint64_t *out)
{
	static const char *const dirs[] = {"hw_counters", "counters"};
	char line[KERNELNIC_TEXT];
	int rc = -ENOENT;

	if (!kernelnic_is_name(name) || !kernelnic_is_name(nic->device) ||
	    !kernelnic_is_name(nic->netdev))
		return -EINVAL;
	if (strncmp(name, "net_", 4) == 0)
		rc = kernelnic_line(nic, line, "/sys/class/net/%s/statistics/%s", nic->netdev,
				    name + 4);
	else
		for (size_t i = 0; i < 2 && rc == -ENOENT; i++)
			rc = kernelnic_line(nic, line, KERNELNIC_PORT "%s/%s", nic->device,
					    nic->port, dirs[i], name);
	return rc < 0 ? rc : kernelnic_number(line, out);
}

unsigned int
kernelnic_path_mtu(uint64_t mtu)
{
	for (unsigned int path = 4096; path >= 256; path /= 2)
		if (mtu >= path + KERNELNIC_HEADERS)
			return path;
	return 0;
}

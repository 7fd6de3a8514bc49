/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/stdfd.h"
#include "ctl/cmd/cmd.h"
#include "ctl/ctl.h"
#include "rpingmesh/control.h"

int
main(int argc, char **argv)
{
	const char *env = getenv("RPINGMESH_SOCKET");
	struct ctl ctl = {.socket = env && *env ? env : CONTROL_SOCKET_DEFAULT};
	int rc;

	if (stdfd_open() < 0)
		return CMD_BAD_NEWS;
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE,
	       SIG_DFL); /* a closed pipe ends us silently, even if we inherited SIG_IGN */
	ctl.tty = isatty(STDOUT_FILENO);
	cmd_color(&ctl, "auto");
	setvbuf(stdout, NULL, _IOLBF, 0);
	rc = ctl_run(&ctl, argc, argv);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		cmd_complain("cannot write the output: %s", strerror(errno));
		return rc ? rc : CMD_BAD_NEWS;
	}
	return rc;
}

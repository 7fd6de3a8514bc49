/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/config/config.h"

/* Files. */

static char dir[64];

static int
setup_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/rpingmesh-config.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
teardown_dir(void **state)
{
	static const char *const names[] = {"main.conf",  "peers.conf", "self.conf", "sub/a.conf",
					    "sub/b.conf", "sub",	"fifo"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
	return rmdir(dir);
}

static const char *
write_file(const char *name, const char *text, size_t len)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	return path;
}

static int
load(const char *path, struct config **out, char error[CONF_ERROR])
{
	struct conf_errors errors;
	int rc = config_load(path, out, &errors);

	assert_true(errors.n <= 1);
	strcpy(error, errors.errors[0].text);
	return rc;
}

static void
load_fails(const char *path, int rc, const char *says)
{
	struct config *config = NULL;
	char error[CONF_ERROR] = "";

	assert_int_equal(load(path, &config, error), rc);
	assert_null(config);
	if (!strstr(error, says) || !strstr(error, path))
		fail_msg("expected %s, got %s", says, error);
}

#define WRITE(name, text) write_file(name, text, strlen(text))

static void
test_unreadable(void **state)
{
	const bool was_root = geteuid() == 0;
	char path[128];

	(void)state;
	load_fails("/nonexistent/rpingmeshd.conf", -ENOENT, "--print-default-config");
	load_fails(dir, -EISDIR, "directory");
	load_fails(write_file("main.conf", "port = 1;\0port = 2;", 19), -EINVAL, "NUL");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	load_fails(path, -ENODEV, "regular file");
	strcpy(path, WRITE("main.conf", ""));
	assert_int_equal(chmod(path, 0), 0);
	/* root may read everything */
	if (was_root)
		assert_int_equal(seteuid(12345), 0);
	load_fails(path, -EACCES, "permission");
	if (was_root)
		assert_int_equal(seteuid(0), 0);
}

static void
test_too_large(void **state)
{
	struct config *config;
	char path[128], error[CONF_ERROR], *text;

	(void)state;
	strcpy(path, WRITE("main.conf", ""));
	assert_int_equal(truncate(path, (8 << 20) + 1), 0);
	load_fails(path, -EFBIG, "at most 8 MiB");
	/* not one file, but all of them */
	text = malloc((5 << 20) + 1);
	memset(text, '\n', 5 << 20);
	text[5 << 20] = '\0';
	WRITE("peers.conf", text);
	free(text);
	strcpy(path, WRITE("main.conf", "@include \"peers.conf\"\n@include \"peers.conf\"\n"));
	assert_int_equal(load(path, &config, error), -EFBIG);
	assert_non_null(strstr(error, "expected at most 8388608 bytes with all included files"));
}

static void
test_read_fails(void **state)
{
	(void)state;
	load_fails("/proc/self/mem", -EIO,
		   strerror(EIO)); /* proc(5): a regular file, whose first page is not mapped */
}

static void
test_include(void **state)
{
	struct config *config;
	char error[CONF_ERROR], path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	WRITE("sub/b.conf", "\"10.0.0.4\"");
	WRITE("sub/a.conf", "\"10.0.0.3\",\n  @include \"b.conf\"\n");
	WRITE("peers.conf", "peers = (\n\"10.0.0.2\",\n@include \"sub/a.conf\"\n);");
	strcpy(path,
	       WRITE("main.conf", "port = 7;\n@include \"peers.conf\" # more\ntimeout_ms = 77;\n"));
	assert_int_equal(load(path, &config, error), 0);
	assert_int_equal(config->n_peers, 3);
	assert_string_equal(config->peers[2].address, "10.0.0.4");
	assert_int_equal(config->port, 7);
	assert_int_equal(config->timeout_ms, 77);
	config_free(config);
	/* lines are those of the file that they stand in, before, in and after the included ones */
	WRITE("sub/b.conf", "\n\n{ address = \"h\"; interval_ms = 0; }");
	assert_int_equal(load(path, &config, error), -EINVAL);
	assert_non_null(strstr(error, "/sub/b.conf:3: peers[2].interval_ms: "));
	WRITE("sub/b.conf", "\"h\"");
	WRITE("main.conf", "@include \"peers.conf\"\n\nport = 0;");
	assert_int_equal(load(path, &config, error), -EINVAL);
	assert_non_null(strstr(error, "/main.conf:3: port: "));
}

static void
test_include_itself(void **state)
{
	static char many[8192];
	struct config *config;
	char error[CONF_ERROR];

	(void)state;
	assert_int_equal(load(WRITE("self.conf", "port = 1;\n@include \"self.conf\"\n"),
				     &config, error),
			 -ELOOP);
	assert_non_null(strstr(error, "/self.conf:2: @include: expected at most 256 files"));
	/* wide rather than deep: the limit of all files stops it */
	assert_int_equal(load(WRITE("self.conf",
					   "@include \"self.conf\"\n@include \"self.conf\"\n"),
				     &config, error),
			 -ELOOP);
	for (int i = 0; i < 300; i++)
		strcat(many, "@include \"peers.conf\"\n");
	WRITE("peers.conf", "# nothing\n");
	assert_int_equal(load(WRITE("main.conf", many), &config, error), -ELOOP);
	assert_non_null(strstr(error, "/main.conf:257: @include: expected at most 256 files"));
}

static void
test_include_missing(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, WRITE("main.conf", "\n@include \"none.conf\"\n"));
	/* not -ENOENT: this file itself is there */
	load_fails(path, -EINVAL, "main.conf:2: @include: expected a readable file");
}

/* The default file. */

static struct config *
parse_ok(const char *text)
{
	struct config *config = NULL;
	struct conf_errors errors;

	if (config_parse(text, "test.conf", &config, &errors) != 0)
		fail_msg("%s\nrefused: %s", text, errors.errors[0].text);
	assert_non_null(config);
	return config;
}

static char *
default_file(void)
{
	const char *srcdir = getenv("top_srcdir") ? getenv("top_srcdir") : getenv("srcdir");
	char path[4096];
	static char text[65536];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/etc/rpingmeshd.conf", srcdir ? srcdir : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: %s (set srcdir to the top of the source)", path, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void
assert_same_config(const struct config *a, const struct config *b)
{
	assert_int_equal(a->n_devices, b->n_devices);
	assert_int_equal(a->gid_index, b->gid_index);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->timeout_ms, b->timeout_ms);
	assert_int_equal(a->window_s, b->window_s);
	assert_int_equal(a->max_probes_per_s, b->max_probes_per_s);
	assert_int_equal(a->clock_software, b->clock_software);
	assert_int_equal(a->busy_poll_us, b->busy_poll_us);
	assert_int_equal(a->n_allow, b->n_allow);
	for (size_t i = 0; i < a->n_allow; i++) {
		assert_true(addr_equal(&a->allow[i].base, &b->allow[i].base));
		assert_int_equal(a->allow[i].bits, b->allow[i].bits);
	}
	assert_int_equal(a->responder_per_source, b->responder_per_source);
	assert_int_equal(a->responder_total, b->responder_total);
	assert_string_equal(a->socket, b->socket);
	assert_string_equal(a->socket_group, b->socket_group);
	assert_string_equal(a->user, b->user);
	assert_string_equal(a->key_file, b->key_file);
	assert_string_equal(a->hostname, b->hostname);
	assert_string_equal(a->tor, b->tor);
	assert_int_equal(a->limit_cpu_percent, b->limit_cpu_percent);
	assert_int_equal(a->limit_memory_mb, b->limit_memory_mb);
	assert_int_equal(a->log_target, b->log_target);
	assert_int_equal(a->log_level, b->log_level);
	assert_memory_equal(a->log_levels, b->log_levels, sizeof(a->log_levels));
	assert_int_equal(a->tracing, b->tracing);
	assert_int_equal(a->trace_probe, b->trace_probe);
	assert_int_equal(a->trace_interval_ms, b->trace_interval_ms);
	assert_int_equal(a->trace_source_qps, b->trace_source_qps);
	assert_int_equal(a->trace_max_qps, b->trace_max_qps);
	assert_int_equal(a->trace_max_flows, b->trace_max_flows);
	assert_string_equal(a->metrics_listen, b->metrics_listen);
	assert_int_equal(a->metrics_by_tor, b->metrics_by_tor);
	assert_int_equal(a->metrics_max_paths, b->metrics_max_paths);
	assert_int_equal(a->metrics_path_histograms, b->metrics_path_histograms);
	assert_true(config_cluster_same_broker(&a->cluster, &b->cluster));
	assert_int_equal(a->cluster.n_allow, b->cluster.n_allow);
	assert_int_equal(a->cluster.n_labels, b->cluster.n_labels);
	assert_int_equal(a->cluster.n_rails, b->cluster.n_rails);
	assert_int_equal(a->cluster.n_tors, b->cluster.n_tors);
	assert_int_equal(a->n_peers, b->n_peers);
	for (size_t i = 0; i < a->n_peers; i++) {
		assert_int_equal(a->peers[i].interval_ms, b->peers[i].interval_ms);
		assert_int_equal(a->peers[i].traffic_class, b->peers[i].traffic_class);
		assert_int_equal(a->peers[i].service_level, b->peers[i].service_level);
		assert_int_equal(a->peers[i].n_sizes, b->peers[i].n_sizes);
		assert_int_equal(a->peers[i].sizes[0], b->peers[i].sizes[0]);
		assert_int_equal(a->peers[i].n_flow_labels, b->peers[i].n_flow_labels);
		assert_int_equal(a->peers[i].flow_labels[0], b->peers[i].flow_labels[0]);
	}
}

/*
 * Takes the '#' off the lines that show defaults: "#key", "#}" and what stands between. Returns how
 * many.
 */
static unsigned int
uncomment(char *text)
{
	bool group = false;
	unsigned int n = 0;
	char *line = text, *end;

	for (; *line; line = end + 1) {
		end = line + strcspn(line, "\n");
		if (!*end)
			break;
		if (line[0] != '#' ||
		    !(group || line[1] == '}' || (line[1] >= 'a' && line[1] <= 'z')))
			continue;
		line[0] = ' ';
		n += strchr(line, '=') && strchr(line, '=') < end;
		group = line[1] == '}' ? false : group || end[-1] == '{';
	}
	return n;
}

static void
test_default_file(void **state)
{
	static char text[65536];
	struct config *empty, *shipped;

	(void)state;
	assert_string_equal(config_default_text(), default_file());
	/*
	 * as shipped, then with each default set: both are what an empty file is, down to its peers
	 */
	snprintf(text, sizeof(text), "%s\n", config_default_text());
	empty = parse_ok("peers = (\"10.0.0.2\");");
	for (int set = 0; set < 2; set++) {
		if (set)
			assert_true(uncomment(text) >= 35);
		strcat(text, set ? "" : "peers = (\"10.0.0.2\");\n");
		shipped = parse_ok(text);
		assert_same_config(shipped, empty);
		config_free(shipped);
	}
	config_free(empty);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unreadable, setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(test_too_large, setup_dir, teardown_dir),
		cmocka_unit_test(test_read_fails),
		cmocka_unit_test_setup_teardown(test_include, setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(test_include_itself, setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(test_include_missing, setup_dir, teardown_dir),
		cmocka_unit_test(test_default_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

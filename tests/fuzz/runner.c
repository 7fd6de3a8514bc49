/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds a fuzz target its corpus, so that what was found once is tried at each `make check`, by any
 * compiler.
 *
 *     fuzz_TARGET [FILE|DIRECTORY]...
 *
 * Without arguments: tests/fuzz/corpus/TARGET. Prints TAP; a crash is one. The last input that is
 * named is the one that did it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

/* Targets that print do it here, where nobody reads it. */
static FILE *tap;
static unsigned int n_inputs;

static uint8_t *
runner_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;
	uint8_t *data = NULL;

	if (!f || fstat(fileno(f), &st) < 0)
		goto fail;
	*len = (size_t)st.st_size;
	data = malloc(*len ? *len : 1);
	if (!data || fread(data, 1, *len, f) != *len)
		goto fail;
	fclose(f);
	return data;
fail:
	fprintf(tap, "Bail out! %s: %s\n", path, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
runner_feed(const char *path)
{
	size_t len;
	uint8_t *data = runner_read(path, &len);

	fprintf(tap, "# %s\n", path);
	fflush(tap);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	n_inputs++;
}

static int
runner_is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
runner_feed_all(const char *path)
{
	struct dirent **entries;
	struct stat st;
	char file[4096];
	int n;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		runner_feed(path);
		return;
	}
	n = scandir(path, &entries, runner_is_input, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		runner_feed(file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name = strstr(argv[0], "fuzz_");
	char corpus[4096];
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	tap = fdopen(dup(STDOUT_FILENO), "w");
	if (!tap || null < 0 || dup2(null, STDOUT_FILENO) < 0)
		return EXIT_FAILURE;
	close(null);
	while (name && strstr(name + 1, "fuzz_"))
		name = strstr(name + 1, "fuzz_");
	snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", top ? top : ".",
		 name ? name + 5 : "");
	fprintf(tap, "1..1\n");
	for (int i = 1; i < argc; i++)
		runner_feed_all(argv[i]);
	if (argc == 1)
		runner_feed_all(corpus);
	fprintf(tap, "%sok 1 - %s: %u inputs\n", n_inputs ? "" : "not ",
		argc == 1 ? corpus : "the inputs named", n_inputs);
	fclose(tap);
	return n_inputs ? EXIT_SUCCESS : EXIT_FAILURE;
}

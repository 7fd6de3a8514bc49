# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Debian packages of any release and architecture, through apt directories of their own: neither the
# machine's package lists nor its packages are touched, and no privilege is needed. Sourced by
# scripts that have say() and die().

# apt_archives: prints "BASE SUITE" for each archive that the machine's own apt configuration names.
# apt itself does the reading, so both the one-line and the deb822 format work, with or without
# downloaded package lists.
apt_archives() {
	apt-get --print-uris update 2>/dev/null |
		sed -n "s|^'\([^']*\)/dists/\([^']*\)/InRelease'.*|\1 \2|p"
}

# apt_mirrors: sets mirror and security_mirror (which may stay empty).
apt_mirrors() {
	local base suite
	mirror=${RPINGMESH_MIRROR:-}
	security_mirror=${RPINGMESH_SECURITY_MIRROR:-}
	while read -r base suite; do
		case $suite in
		bullseye-security | bookworm-security | trixie-security | stable-security | \
		oldstable-security | testing-security)
			security_mirror=${security_mirror:-$base} ;;
		bullseye | bookworm | trixie | forky | sid | stable | oldstable | testing | \
		unstable)
			mirror=${mirror:-$base} ;;
		esac
	done < <(apt_archives)
	[ -n "$mirror" ] ||
		die "no Debian archive in this machine's apt sources;" \
			"set RPINGMESH_MIRROR to the URL of one"
}

# apt_sources ARCHITECTURE SUITE...: a sources.list. Suites for security updates are left out when
# no mirror is known.
apt_sources() {
	local suite signed="" arch=$1
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	shift
	if [ -r "$keyring" ]; then signed=" signed-by=$keyring"; fi
	for suite in "$@"; do
		case $suite in
		*-security)
			if [ -n "$security_mirror" ]; then
				echo "deb [arch=$arch$signed] $security_mirror $suite main"
			fi ;;
		*) echo "deb [arch=$arch$signed] $mirror $suite main" ;;
		esac
	done
}

# apt_private DIR ARCHITECTURE SUITE...: makes DIR/apt.conf, for `apt-get -c` and `apt-cache -c`,
# and reads the package lists of the suites. As far as apt can see no package is installed. The
# hooks of the machine's configuration are cleared because they may act on the machine's own package
# cache.
apt_private() {
	local dir=$1 arch=$2
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	cat >"$dir/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "$arch";
#clear APT::Architectures;
APT::Architectures { "$arch"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$dir";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
CONF
	shift 2
	apt_mirrors
	apt_sources "$arch" "$@" >"$dir/sources.list"
	say "reading package lists of: $* ($arch)"
	apt-get -c "$dir/apt.conf" -qq update >&2 || die "cannot read the package lists"
}

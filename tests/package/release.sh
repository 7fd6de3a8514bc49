#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# contrib/release refuses what must not be released, in a repository of the test's own; what it then
# builds is made of `make distcheck` and `make deb`, which others test.
set -u
src=$(cd "${top_srcdir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
bad() { echo "$*"; status=1; }

command -v git >/dev/null || { echo "git is not installed: skipped"; exit 77; }
HOME=$work
GIT_CONFIG_NOSYSTEM=1
export HOME GIT_CONFIG_NOSYSTEM
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
git config --global user.name Nobody
git config --global user.email nobody@example.org

mkdir -p "$work/tree/contrib/debian"
cd "$work/tree" || exit 99
git init -q .
# files NEWS CHANGELOG
files() {
	echo 'AC_INIT([rpingmesh], [1.2.3], [], [rpingmesh])' >configure.ac
	printf 'rpingmesh NEWS\n\n%s\n\n  * 9 things.\n' "$1" >NEWS
	printf '%s\n\n  * First.\n' "$2" >contrib/debian/changelog
	git add -A
	git commit -qm x
}
# refused TEXT: --check fails and says it
refused() {
	said=$("$src/contrib/release" --check 2>&1) && bad "not refused: $1"
	case $said in
	*"$1"*) ;;
	*) bad "\"$said\" does not say \"$1\"" ;;
	esac
}

files "1.2.3 (unreleased)" "rpingmesh (1.2.3-1) unstable; urgency=medium"
refused "no annotated tag v1.2.3"
git tag v1.2.3
refused "no annotated tag v1.2.3"
git tag -d v1.2.3 >/dev/null
git tag -am x v1.2.3
refused 'NEWS begins with "1.2.3 (unreleased)"'
files "1.2.3 (2026-12-01)" "rpingmesh (1.2.2-1) unstable; urgency=medium"
refused "v1.2.3 is not this commit"
git tag -fam x v1.2.3 >/dev/null
refused "changelog begins with \"rpingmesh (1.2.2-1)"
files "1.2.3 (2026-12-01)" "rpingmesh (1.2.3-1) UNRELEASED; urgency=medium"
git tag -fam x v1.2.3 >/dev/null
refused UNRELEASED
files "1.2.3 (2026-12-01)" "rpingmesh (1.2.3-1) unstable; urgency=medium"
git tag -fam x v1.2.3 >/dev/null
"$src/contrib/release" --check >"$work/out" 2>&1 || bad "refused: $(cat "$work/out")"
grep -q "^release: v1.2.3 can be released" "$work/out" || bad "does not say so: $(cat "$work/out")"
echo "AC_INIT([rpingmesh], [1.2.4])" >configure.ac
refused "the work tree has changes"
git checkout -q configure.ac
mkdir "$work/out.d"
said=$("$src/contrib/release" --unsigned --out "$work/out.d" 2>&1) && bad "overwrites a directory"
case $said in *"exists: move it away"*) ;; *) bad "$said" ;; esac
for wrong in --bogus --out; do
	"$src/contrib/release" $wrong >/dev/null 2>&1
	[ $? -eq 2 ] || bad "$wrong is not exit status 2"
done
cd "$work" || exit 99
said=$("$src/contrib/release" --check 2>&1) && bad "releases without a repository"
case $said in *"no checkout"*) ;; *) bad "$said" ;; esac
[ $status = 0 ] && echo "contrib/release refuses all of it"
exit $status

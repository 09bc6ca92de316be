import { checkpointFolder } from '../../core/model/run-files.ts';
import { encodeFileNamesCommand } from '../../core/text/files/byte-names.ts';
import { gitExitCodes } from './git.ts';

// A checkpoint has one commit for the workspace and one for each repository in it, because git sees a nested repository as a
// single entry. The commits are in separate bare repositories in the workspace. No setting of a user's repository is read, and
// attributes change no bytes.

const maxRoots = 20;
export const maxDiffBytes = 900_000;

/** `roots` are the folders with their own commits, starting with `.`. */
const findRoots = `
store="$workdir/${checkpointFolder}"
cd -- "$workdir" && mkdir -p -- "$store" || exit 1
mapfile -d '' -t inner < <(find . -mindepth 2 -maxdepth 5 \\( -name node_modules -o -path ./.corral \\) -prune -o -name .git -prune -printf '%P\\0' 2>/dev/null | LC_ALL=C sort -z | head -zn ${maxRoots})
roots=(.)
for one in "\${inner[@]}"; do roots+=("\${one%/.git}"); done
# A repository that was removed meanwhile has its commits still.
for one in "$store"/*.git; do
  one=\${one##*/} one=\${one%.git} one=\${one//%2F//} one=\${one//%25/%}
  [ "$one" = '*' ] || [ "$one" = %2E ] || [[ " \${roots[*]} " == *" $one "* ]] || roots+=("$one")
done
shadowOf() { local name=\${1//%/%25}; name=\${name//\\//%2F}; [ "$1" != . ] || name=%2E; printf '%s/%s.git' "$store" "$name"; }
`;

/**
 * `enter ROOT` points git at a root's checkpoints. The first call hard-links the objects of the user's repository and, if
 * possible, copies its index.
 */
const enter = `
enter() {
  root=$1
  shadow=$(shadowOf "$root")
  if [ ! -f "$shadow/HEAD" ]; then
    rm -rf -- "$shadow" && mkdir -p "$shadow/refs" "$shadow/info" "$shadow/objects" || return 1
    local format=0 extension=
    if [ -d "$workdir/$root/.git" ] && [ ! -L "$workdir/$root/.git" ] &&
      [ "$(command git --git-dir="$workdir/$root/.git" rev-parse --show-object-format 2>/dev/null)" = sha256 ]; then
      format=1 extension='[extensions]\\n\\tobjectformat = sha256\\n'
    fi
    printf "[core]\\n\\trepositoryformatversion = $format\\n\\tbare = false\\n$extension" >"$shadow/config"
    printf '* -text -filter -ident -working-tree-encoding\\n' >"$shadow/info/attributes"
    real="$workdir/$root/.git"
    if [ -d "$real/objects" ] && [ ! -L "$real" ] && [ ! -L "$real/objects" ]; then
      cp -al -- "$real/objects/." "$shadow/objects/" 2>/dev/null || cp -a -- "$real/objects/." "$shadow/objects/"
      # With attributes that convert files, the index says nothing about their bytes.
      if [ -f "$real/index" ] && [ ! -L "$real/index" ] &&
        ! find "$workdir/$root" -name .git -prune -o -name .gitattributes -type f -print0 2>/dev/null | xargs -0r grep -lqsE 'filter|text|eol|ident|crlf|encoding' --; then
        cp -p -- "$real/index" "$shadow/index"
      fi
    fi
    printf 'ref: refs/heads/none\\n' >"$shadow/HEAD"
  fi
  export GIT_DIR="$shadow" GIT_WORK_TREE="$workdir/$root" GIT_INDEX_FILE="$shadow/index"
  {
    [ ! -f "$workdir/$root/.git/info/exclude" ] || [ -L "$workdir/$root/.git/info/exclude" ] || cat -- "$workdir/$root/.git/info/exclude"
    printf '/.corral/\\n/.agent_logs/\\n'
    for other in "\${roots[@]}"; do
      case "$root" in
        .) [ "$other" = . ] || printf '/%s/\\n' "$other" ;;
        *) case "$other" in "$root"/*) printf '/%s/\\n' "\${other#"$root"/}" ;; esac ;;
      esac
    done
  } >"$shadow/info/exclude"
  if [ -d "$GIT_WORK_TREE" ]; then cd -- "$GIT_WORK_TREE"; else cd -- "$workdir"; fi
}
# The tree of the files as they are now.
treeNow() {
  [ -d "$GIT_WORK_TREE" ] || { git read-tree --empty && git write-tree; return; }
  git add --all --ignore-errors >/dev/null 2>&1
  git write-tree 2>/dev/null || { rm -f -- "$GIT_INDEX_FILE" && git add --all --ignore-errors >/dev/null 2>&1; git write-tree; }
}
export GIT_AUTHOR_NAME=Corral GIT_AUTHOR_EMAIL=corral@localhost GIT_COMMITTER_NAME=Corral GIT_COMMITTER_EMAIL=corral@localhost
refs="refs/corral/$session"
`;

const prepared = `${findRoots}${enter}`;

/**
 * Creates checkpoint `$number` and prints the number of files that differ from the last one. If nothing changed, exits with
 * `gitExitCodes.nothing`.
 */
export const checkpointScript = `${prepared}
total=0 changed=
[ "$number" != 0 ] || changed=yes
for one in "\${roots[@]}"; do
  enter "$one" || exit 1
  tree=$(treeNow) || exit 1
  last=$(git rev-parse --verify --quiet "$refs/last")
  if [ -n "$last" ] && [ "$(git rev-parse "$last^{tree}")" = "$tree" ]; then commit=$last
  else
    commit=$(printf 'checkpoint %s\\n' "$number" | git commit-tree "$tree" \${last:+-p "$last"}) || exit 1
    against=\${last:-$(git hash-object -t tree /dev/null)}
    [ "$number" = 0 ] || total=$((total + $(git diff-tree -r --no-renames --name-only "$against" "$commit" -- | wc -l)))
    changed=yes
  fi
  printf 'update %s %s\\n' "$refs/next" "$commit" | git update-ref --stdin || exit 1
done
[ -n "$changed" ] || exit ${gitExitCodes.nothing}
for one in "\${roots[@]}"; do
  export GIT_DIR="$(shadowOf "$one")"
  commit=$(git rev-parse "$refs/next")
  printf 'update %s %s\\n' "$refs/$number" "$commit" "$refs/last" "$commit" | git update-ref --stdin || exit 1
  [ -z "$oldest" ] || git update-ref -d "$refs/$oldest" 2>/dev/null
done
printf '%s\\n' "$total"
`;

/**
 * Prints the encoded changed files of all roots, the byte 0x01, and the diff from `$from` to `$to`. With an empty `$to`, compares
 * with the current files.
 */
export const checkpointDiffScript = `${prepared}
names=$(mktemp) text=$(mktemp)
trap 'rm -f -- "$names" "$text"' EXIT
found=
for one in "\${roots[@]}"; do
  enter "$one" || exit 1
  empty=$(git hash-object -w -t tree /dev/null)
  before=$(git rev-parse --verify --quiet "$refs/$from") && found=yes || before=$empty
  if [ -n "$to" ]; then after=$(git rev-parse --verify --quiet "$refs/$to") || after=$empty; else after=$(treeNow); fi
  prefix=; [ "$one" = . ] || prefix="$one/"
  git diff-tree -r --find-renames --name-status -z "$before" "$after" -- | while IFS= read -r -d '' kind; do
    printf '%s\\0' "$kind"
    IFS= read -r -d '' path; printf '%s%s\\0' "$prefix" "$path"
    case "$kind" in R*|C*) IFS= read -r -d '' path; printf '%s%s\\0' "$prefix" "$path" ;; esac
  done >>"$names"
  git diff --no-color --no-ext-diff --no-textconv --find-renames --src-prefix="a/$prefix" --dst-prefix="b/$prefix" "$before" "$after" -- >>"$text"
done
[ -n "$found" ] || exit ${gitExitCodes.moved}
head -c 100000 "$names" | ${encodeFileNamesCommand}; printf '\\1'; head -c ${maxDiffBytes + 1} "$text"
`;

/** Restores the workspace to the files of `$number`. Files that .gitignore excludes are kept. */
export const checkpointRestoreScript = `${prepared}
found=
for one in "\${roots[@]}"; do
  enter "$one" || exit 1
  target=$(git rev-parse --verify --quiet "$refs/$number") || continue
  found=yes
  now=$(treeNow) || exit 1
  [ "$now" != "$(git rev-parse "$target^{tree}")" ] || continue
  mkdir -p -- "$GIT_WORK_TREE" && cd -- "$GIT_WORK_TREE" || exit 1
  git read-tree -m -u "$now" "$target" || exit 1
done
[ -n "$found" ] || exit ${gitExitCodes.moved}
`;

import { AppError } from '../../core/errors/errors.ts';
import { quoteFileNameForShell } from '../../core/text/files/byte-names.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { GitChange } from '../api/repositories.ts';

// Each script uses its own git settings, because the agent can change the repository's settings.

type Sandbox = Pick<SandboxClient, 'exec'>;

/** All except `noGit` are above git's own exit codes, which are below 130. */
export const gitExitCodes = {
  noGit: 127,
  notOurs: 145,
  nothing: 146,
  exists: 147,
  moved: 148,
  redirected: 149,
} as const;

/** Disables all of git's settings, helpers and protocols except those set here. */
const variables = `
unset $(compgen -v GIT_ | grep -v '^GIT_SSL_CAINFO$') 2>/dev/null
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=true
export SSH_ASKPASS=true GIT_ALLOW_PROTOCOL=https:http GIT_OPTIONAL_LOCKS=0 GIT_LFS_SKIP_SMUDGE=1 GIT_NO_REPLACE_OBJECTS=1
export GIT_EDITOR=: GIT_PAGER=cat GIT_SSH_COMMAND=false LC_ALL=C
command -v git >/dev/null || exit ${gitExitCodes.noGit}
git() {
  command git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.untrackedCache=false -c core.attributesFile=/dev/null \\
    -c core.excludesFile=/dev/null -c core.quotePath=false -c credential.helper= -c commit.gpgSign=false -c tag.gpgSign=false \\
    -c push.gpgSign=false -c gc.auto=0 -c maintenance.auto=false -c submodule.recurse=false -c fetch.recurseSubmodules=false \\
    -c http.lowSpeedLimit=1 -c http.lowSpeedTime=120 -c protocol.ext.allow=never -c protocol.file.allow=never -c advice.detachedHead=false -c diff.external= -c safe.directory='*' "$@"
}
`;

const maxNested = 200;

/** A separate git directory disables repository settings, filters and hooks. `$head` and `$branch` can be empty. */
const ownSettings = `
[ -d "$repo/.git" ] && [ ! -L "$repo/.git" ] && [ -d "$repo/.git/objects" ] || exit ${gitExitCodes.notOurs}
real() { command git --git-dir="$repo/.git" -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
head=$(real rev-parse --verify --quiet 'HEAD^{commit}')
branch=$(real symbolic-ref --quiet --short HEAD)
scratch=$(mktemp -d "\${TMPDIR:-/tmp}/corral-git.XXXXXXXX") || exit 1
trap 'rm -rf -- "$scratch"' EXIT
mkdir -p "$scratch/git/refs" "$scratch/git/info" "$scratch/git/objects"
printf 'ref: refs/heads/none\\n' >"$scratch/git/HEAD"
case $(real rev-parse --show-object-format) in sha256) extension='[extensions]\\n\\tobjectformat = sha256\\n' version=1 ;; *) extension= version=0 ;; esac
printf "[core]\\n\\trepositoryformatversion = $version\\n\\tbare = false\\n$extension" >"$scratch/git/config"
for part in shallow info/exclude; do
  if [ -f "$repo/.git/$part" ] && [ ! -L "$repo/.git/$part" ]; then cp -- "$repo/.git/$part" "$scratch/git/$part"; fi
done
export GIT_DIR="$scratch/git" GIT_WORK_TREE="$repo" GIT_OBJECT_DIRECTORY="$repo/.git/objects" GIT_INDEX_FILE="$scratch/index"
cd -- "$repo" || exit ${gitExitCodes.notOurs}
if [ -f "$repo/.git/index" ] && [ ! -L "$repo/.git/index" ]; then cp -p -- "$repo/.git/index" "$scratch/index"; fi
git ls-files >/dev/null 2>&1 || { rm -f "$scratch/index"; [ -z "$head" ] || git read-tree "$head"; }
# A repository inside of this one that is no submodule, as "git init", "cargo new" and others leave it: git adds the
# commit of it alone, or refuses to add anything. An entry below its folder makes git take it for a usual folder.
nested=()
declared=
if [ -f .gitmodules ] && [ ! -L .gitmodules ]; then
  declared=$(git config -f .gitmodules --get-regexp '^submodule\\..*\\.path$' | cut -d ' ' -f 2-)
fi
while IFS= read -r -d '' one; do
  one=\${one#./} one=\${one%/.git}
  if [ -f "$one/.git" ] && [[ $(head -c 4096 -- "$one/.git") == "gitdir: "*/.git/worktrees/* ]]; then
    printf '/%s/\\n' "$one" >>"$GIT_DIR/info/exclude" # another worktree, whose branch is in this repository already
    continue
  fi
  case $'\\n'"$declared"$'\\n' in *$'\\n'"$one"$'\\n'*) continue ;; esac
  [ -z "$head" ] || [[ $(git ls-tree "$head" -- "$one") != 160000* ]] || continue
  nested+=("$one")
done < <(find . -mindepth 2 -name node_modules -prune -o -name .git -prune -print0 2>/dev/null | LC_ALL=C sort -z | head -zn ${maxNested})
addFiles() {
  local one code mark=.corral-nested
  for one in "\${nested[@]}"; do
    git update-index --force-remove -- "$one" &&
      git update-index --add --cacheinfo "100644,$(git hash-object -t blob /dev/null),$one/$mark" || return 1
  done
  git add "$@"
  code=$?
  for one in "\${nested[@]}"; do git update-index --force-remove -- "$one/$mark"; done
  return $code
}
`;

export interface GitScript {
  readonly script: string;
  /** Shell variables; each value is quoted. */
  readonly values?: Readonly<Record<string, string>>;
  /** Shell arrays; each element is quoted. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly timeoutMs: number;
  readonly stdin?: string;
}
export interface GitOutput {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Rejects: unsupported (no git in the sandbox), deadline_exceeded. */
export async function runGit(
  client: Sandbox,
  { script, values = {}, lists = {}, timeoutMs, stdin }: GitScript,
  signal: AbortSignal,
): Promise<GitOutput> {
  const assigned = [
    ...Object.entries(values).map(([name, value]) => `${name}=${quoteForShell(value)}`),
    ...Object.entries(lists).map(([name, all]) => `${name}=(${all.map(quoteFileNameForShell).join(' ')})`),
  ];
  const command = `${assigned.join('\n')}\n${variables}\n${script}`;
  const { timedOut, ...output } = await client.exec(
    { command, timeoutMs, ...(stdin !== undefined && { stdin }) },
    signal,
  );
  if (timedOut) {
    const text = `Git did not finish within ${Math.round(timeoutMs / 1_000)} s, so it was ended. Try again, or fetch fewer commits with depth.`;
    throw new AppError('deadline_exceeded', text);
  }
  if (output.exitCode === gitExitCodes.noGit) {
    const text =
      'The sandbox has no git. Use an image that has it: the one that comes with Corral does (docs/repositories.md).';
    throw new AppError('unsupported', text);
  }
  return output;
}

/** Ignores the repository's settings. Rejects as `runGit` does, and with conflict (not a repository). */
export async function runGitInRepository(
  client: Sandbox & Pick<SandboxClient, 'workdir'>,
  path: string,
  gitScript: GitScript,
  signal: AbortSignal,
): Promise<GitOutput> {
  const output = await runGit(
    client,
    {
      ...gitScript,
      values: { ...gitScript.values, repo: `${client.workdir}/${path}` },
      script: `${ownSettings}\n${gitScript.script}`,
    },
    signal,
  );
  if (output.exitCode === gitExitCodes.notOurs) {
    const text = `The folder ${path} is no longer a repository: its .git is missing or not a folder. Fetch it again in a new session.`;
    throw new AppError('conflict', text);
  }
  return output;
}

/** Removes control and invisible characters, because a remote server can write to git's output. */
export function summarizeGitOutput(stderr: string): string {
  const lines = stderr
    .replace(/[^\P{C}\n\r]/gu, '')
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(hint:|warning:|Cloning into|To https?:)/.test(line));
  return truncateEnd(lines.slice(-3).join(' '), 500);
}

const kinds = { A: 'added', M: 'modified', T: 'modified', D: 'deleted', R: 'renamed', C: 'added' } as const;

export function parseGitChanges(text: string): GitChange[] {
  const parts = text.split('\0');
  const changes: GitChange[] = [];
  for (let at = 0; at + 1 < parts.length; ) {
    const letter = (parts[at] ?? '').charAt(0) as keyof typeof kinds;
    const change = kinds[letter];
    if (change === undefined) break;
    const isPair = letter === 'R' || letter === 'C';
    const [first = '', second = ''] = parts.slice(at + 1);
    changes.push(
      isPair ? { path: second, change, from: letter === 'R' ? first : null } : { path: first, change, from: null },
    );
    at += isPair ? 3 : 2;
  }
  return changes;
}

import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import {
  formatSessionTrailer,
  type GitAuthor,
  isFolderUrl,
  type SessionRepository,
} from '../../core/model/repository.ts';
import { trimEndCharacters } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { gitExitCodes, runGit, summarizeGitOutput } from './git.ts';

type Sandbox = Pick<SandboxClient, 'exec' | 'workdir'>;
export type FetchedRepository = Pick<SessionRepository, 'branch' | 'baseBranch' | 'baseCommit'> & {
  readonly notes: readonly string[];
};
export interface RepositoryFetchRequest {
  readonly session: SessionId;
  readonly repository: SessionRepository;
  readonly branch: string;
  readonly author: GitAuthor;
  /** Writes a bare copy of `url`, a folder on the server, to `folder` in the sandbox. Undefined: git fetches `url`. */
  readonly copyTo?: ((folder: string, url: string) => Promise<void>) | undefined;
}
const fetchMs = 30 * 60_000;
const removeMs = 30_000;

// The repository appears at its final path only when it is complete.
const script = `
place="$workdir/$path" made="$workdir/.corral/fetching/$name"
trap 'rm -rf -- "$made" "$made.errors" \${source:+"$source" "$source.parts"}; rmdir -- "$workdir/.corral/fetching" 2>/dev/null' EXIT
if [ -e "$place" ] && [ -n "$(ls -A -- "$place" 2>&1)" ]; then exit ${gitExitCodes.exists}; fi
rm -rf -- "$made" && mkdir -p "$workdir/.corral/fetching" || exit 1
options=(--no-checkout --template= --no-recurse-submodules)
[ -z "$depth" ] || options+=(--depth "$depth" --no-single-branch)
# Copies of folders of the server are all that git takes from folders, and only here.
instead=()
for ((n = 0; n < \${#folders[@]}; n++)); do instead+=(-c "url.file://$source.parts/$n.insteadOf=\${folders[n]}"); done
from() { if [ -n "$source" ]; then GIT_ALLOW_PROTOCOL=file:https:http git -c protocol.file.allow=always "\${instead[@]}" "$@"; else git "$@"; fi; }
hostIn() { local rest=\${1#*://}; printf %s "\${rest%%[/?#]*}"; }
# Prints where git was redirected from the address, if that is another host: it could be one to which a credential of the
# session belongs, and a push would send its content to the first. With --quiet git does not mention a redirect.
redirected() {
  local to
  while IFS= read -r to; do
    [ "$(hostIn "$to")" = "$(hostIn "$1")" ] || { printf '%s\\n' "$to"; return; }
  done < <(sed -n 's/^warning: redirecting to //p' "$made.errors")
}
remote() {
  local code to
  from "$@" 2>"$made.errors"
  code=$?
  tail -c 65536 -- "$made.errors" >&2
  to=$(redirected "$url")
  [ -z "$to" ] || { printf '%s\\n' "$to" >&2; exit ${gitExitCodes.redirected}; }
  return $code
}
# Each submodule comes by itself, because git aborts all of them if one fails. At most so many levels deep.
failed=0 why=
submodules() {
  local here=$PWD entry part to folder
  [ -f .gitmodules ] && [ ! -L .gitmodules ] || return 0
  while IFS= read -r -d '' entry; do
    [[ $entry == 160000\\ * ]] || continue
    part=\${entry#*$'\\t'}
    if from submodule update --init \${depth:+--depth "$depth"} -- "$part" </dev/null >&2 2>"$made.errors"; then
      to=$(redirected "$(git -C "$part" remote get-url origin)")
      if [ -z "$to" ]; then
        if [ "$1" -gt 1 ] && cd -- "$part"; then submodules $(($1 - 1)); cd -- "$here" || return 1; fi
        continue
      fi
      printf 'fatal: redirects to another host, %s' "$to" >"$made.errors"
      folder=$(git -C "$part" rev-parse --absolute-git-dir)
      git submodule --quiet deinit --force -- "$part" >&2
      [[ $folder != "$made/.git/modules/"* ]] || rm -rf -- "$folder"
    fi
    [ "$failed" != 0 ] || why="$part: $(grep -m 1 '^fatal: ' "$made.errors" || tail -n 1 "$made.errors")"
    failed=$((failed + 1))
  done < <(git ls-files --stage -z)
}
remote clone "\${options[@]}" -- "\${source:+file://}\${source:-$url}" "$made" || exit 1
cd -- "$made" || exit 1
base=$(git symbolic-ref --quiet --short refs/remotes/origin/HEAD) && base=\${base#origin/}
start=
if [ -z "$ref" ]; then
  start=$(git rev-parse --verify --quiet "refs/remotes/origin/$base^{commit}" || git rev-parse --verify --quiet 'HEAD^{commit}')
elif start=$(git rev-parse --verify --quiet "refs/remotes/origin/$ref^{commit}"); then
  base=$ref
else
  base=
  start=$(git rev-parse --verify --quiet "refs/tags/$ref^{commit}") || {
    [[ $ref =~ ^[0-9a-f]{7,64}$ ]] && start=$(git rev-parse --verify --quiet "$ref^{commit}")
  } || {
    remote fetch \${depth:+--depth "$depth"} origin "$ref" && start=$(git rev-parse --verify --quiet 'FETCH_HEAD^{commit}')
  } || { printf 'There is no branch, tag or commit %s.\\n' "$ref" >&2; exit ${gitExitCodes.moved}; }
fi
# Git takes a page, such as one for signing in, for a repository without commits.
if [ -z "$start" ] && [ -z "$source" ]; then
  GIT_TRACE_CURL="$made.errors" GIT_TRACE_CURL_NO_DATA=1 git ls-remote -- "$url" >/dev/null 2>&1
  grep -qi ': content-type: application/x-git-upload-pack-advertisement' -- "$made.errors" ||
    { printf 'fatal: the server answers with a page, such as one for signing in\\n' >&2; exit 1; }
fi
git remote set-url origin "$url"
if [ -n "$start" ]; then git checkout --quiet -b "$branch" --no-track "$start" || exit 1
else git symbolic-ref HEAD "refs/heads/$branch" || exit 1; fi
git config user.name "$author"; git config user.email "$email"
mkdir -p .git/hooks .git/info
printf '#!/bin/sh\\ngit interpret-trailers --in-place --if-exists addIfDifferent --trailer "%s" "$1"\\n' "$trailer" >.git/hooks/prepare-commit-msg
chmod +x .git/hooks/prepare-commit-msg
submodules 10
[ "$failed" = 0 ] || printf 'note submodules %s %s\\n' "$failed" "$(printf %s "$why" | tr -d '\\000-\\037' | cut -c 1-300)"
rm -f "$made.errors"
[ -z "$(git ls-files -z -- '.gitattributes' '*/.gitattributes' | xargs -0r grep -ls 'filter=lfs' --)" ] || printf 'note lfs\\n'
mkdir -p "$(dirname -- "$place")"
[ ! -e "$place" ] || rmdir -- "$place" || exit ${gitExitCodes.exists}
mv -T -- "$made" "$place" || exit 1
printf 'base %s\\nstart %s\\n' "$base" "$start"
`;

/** Rejects with a message that can be shown to the user. */
export async function fetchRepository(
  client: Sandbox,
  { session, repository, branch, author, copyTo }: RepositoryFetchRequest,
  signal: AbortSignal,
): Promise<FetchedRepository> {
  const { url, ref, path, depth } = repository;
  const name = path.replaceAll('/', '+');
  const source = copyTo ? `${client.workdir}/.corral/fetching/${name}.folder` : '';
  await copyTo?.(source, url).catch(async (thrown: unknown) => {
    const rest = { script: 'rm -rf -- "$source"', values: { source }, timeoutMs: removeMs };
    await runGit(client, rest, signal).catch(() => {}); // the next fetch removes the folder
    throw thrown;
  });
  const folders = copyTo ? await copySubmodules(client, { url, ref, source, copyTo }, signal) : [];
  const values = {
    url,
    path,
    branch,
    ref: ref ?? '',
    depth: depth === null ? '' : `${depth}`,
    workdir: client.workdir,
    name,
    source,
    author: author.name,
    email: author.email,
    trailer: formatSessionTrailer(session),
  };
  const { exitCode, stdout, stderr } = await runGit(
    client,
    { script, values, lists: { folders }, timeoutMs: fetchMs },
    signal,
  );
  if (exitCode !== 0) throw fetchFailure(repository, exitCode, stderr);
  const lines = stdout.split('\n');
  const line = (name: string) => lines.find((one) => one.startsWith(`${name} `))?.slice(name.length + 1) ?? '';
  const baseCommit = /^([0-9a-f]{40}|[0-9a-f]{64})$/.exec(line('start'))?.[0] ?? null;
  const base = line('base');
  const notes: string[] = [];
  const [, failed = '', why = ''] = /^(\d+) (.*)$/.exec(line('note submodules')) ?? [];
  if (failed !== '') {
    const which = failed === '1' ? 'A submodule' : `${failed} submodules`;
    notes.push(
      `${which} could not be fetched (${why}). Each needs its own credential and allowed host; add a private one as a repository of the session.`,
    );
  }
  if (/^note lfs$/m.test(stdout))
    notes.push('It has files in Git LFS, which are pointers here. With git-lfs in the image: git lfs pull.');
  return { branch, baseBranch: base === '' || base.length > 250 ? null : base, baseCommit, notes };
}

const maxParts = 20;
const listParts = `
rev=
for one in "refs/heads/$ref" "refs/tags/$ref" "$ref" HEAD; do
  [ "$one" != "refs/heads/" ] && rev=$(git --git-dir="$from" rev-parse --verify --quiet "$one^{commit}") && break
done
[ -n "$rev" ] || exit 0
git --git-dir="$from" config --blob "$rev:.gitmodules" --get-regexp '^submodule\\..*\\.url$' 2>/dev/null | head -c 65536
exit 0
`;
interface SubmoduleFolders {
  readonly url: string;
  readonly ref: string | null;
  readonly source: string;
  readonly copyTo: (folder: string, url: string) => Promise<void>;
}

/** Copies submodules that are folders on the server. Returns their URLs, in the order of the copies. */
async function copySubmodules(client: Sandbox, { url, ref, source, copyTo }: SubmoduleFolders, signal: AbortSignal) {
  const copied: string[] = [];
  const tried = new Set([url]);
  const left = [{ base: url, from: source, ref: ref ?? '' }];
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const values = { from: next.from, ref: next.ref };
    const { stdout } = await runGit(client, { script: listParts, values, timeoutMs: removeMs }, signal);
    for (const line of stdout.split('\n')) {
      const value = line.slice(line.indexOf(' ') + 1);
      const part = /^\.\.?\//.test(value) ? new URL(value, `${next.base}/`).href : value;
      const address = trimEndCharacters(part, '/');
      if (!isFolderUrl(address) || tried.has(address) || tried.size > maxParts) continue;
      tried.add(address);
      const from = `${source}.parts/${copied.length}`;
      try {
        await copyTo(from, address);
      } catch (thrown) {
        if (!(thrown instanceof AppError) || signal.aborted) throw thrown;
        continue;
      }
      copied.push(address);
      left.push({ base: address, from, ref: '' });
    }
  }
  return copied;
}

const isLoopbackHost = (host: string): boolean => /^(localhost|127\.[0-9.]+|\[::1\])(:\d+)?$/.test(host);

export function toGitRemoteError({ url }: Pick<SessionRepository, 'url'>, stderr: string): AppError | undefined {
  const { host } = new URL(url);
  const message = summarizeGitOutput(stderr);
  if (
    /could not read (Username|Password)|Authentication failed|returned error: 401|terminal prompts disabled/i.test(
      stderr,
    )
  ) {
    const text = `${host} requires a credential for ${url}, or refused the one it received. Bind one with "git" to this session, its project or the server, for this host (docs/repositories.md).`;
    return new AppError('forbidden', text);
  }
  if (
    /egress to \S+ refused|CONNECT tunnel failed, response 403|Received HTTP code 403|Proxy CONNECT aborted/i.test(
      stderr,
    )
  ) {
    const text = `The session's egress policy does not allow ${host}. Allow it in the network settings, then try again.`;
    return new AppError('forbidden', text);
  }
  if (/returned error: 403/i.test(stderr)) {
    return new AppError(
      'forbidden',
      `${host} refused access to ${url}: the credential lacks permission. Grant it read access, or bind another one. ${message}`,
    );
  }
  if (/CONNECT tunnel failed|Received HTTP code \d+ from proxy/i.test(stderr)) {
    return new AppError(
      'provider_error',
      `The server cannot reach ${host}. Check the address and its network. ${message}`,
    );
  }
  if (isLoopbackHost(host) && /connect to server|failed to connect|connection refused/i.test(stderr)) {
    const text = `Nothing answers at ${host} in the sandbox, where git runs. Replace it with an address of that server that the sandbox can reach, such as its name in your network. ${message}`;
    return new AppError('invalid_request', text);
  }
  if (/not found|returned error: 404|does not exist/i.test(stderr)) {
    const text = `${host} has no repository ${url}, or shows it only with a credential. Check the address, or bind a credential with "git" for this host (docs/repositories.md). ${message}`;
    return new AppError('not_found', text);
  }
  return undefined;
}

function fetchFailure(repository: SessionRepository, exitCode: number, stderr: string): AppError {
  const { url, path, ref } = repository;
  if (exitCode === gitExitCodes.exists)
    return new AppError('conflict', `The folder ${path} already has files. Choose another path for ${url}.`);
  if (exitCode === gitExitCodes.redirected) {
    const text = `${url} redirects to another host: ${summarizeGitOutput(stderr.trimEnd().split('\n').at(-1) ?? '')}. Use that address if you trust it.`;
    return new AppError('conflict', text);
  }
  if (exitCode === gitExitCodes.moved)
    return new AppError('not_found', `${url} has no branch, tag or commit ${ref}. Check its name.`);
  return (
    (isFolderUrl(url) ? undefined : toGitRemoteError(repository, stderr)) ??
    new AppError(
      'conflict',
      `${url} could not be fetched: ${summarizeGitOutput(stderr) || `git ended with ${exitCode}`}`,
    )
  );
}

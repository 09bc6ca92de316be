import { AppError } from '../../core/errors/errors.ts';
import type { FactOf } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import {
  findPushObstacle,
  formatSessionTrailer,
  type GitAuthor,
  type SessionRepository,
} from '../../core/model/repository.ts';
import type { EnvironmentCheckResult, RepositoryEnvironment } from '../../core/model/repository-environment.ts';
import { decodeFileNames, encodeFileNamesCommand } from '../../core/text/files/byte-names.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import { truncateEnd, truncateStart } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { RepositoryService } from '../api/repositories.ts';
import type { SandboxService } from '../api/sandboxes.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import { allowRepositoryServices, type RepositoryServiceDeps, toPrintable } from './environments.ts';
import { toGitRemoteError } from './fetch-repository.ts';
import { isUsableRepository, type RepositoryFetcher } from './fetches.ts';
import { gitExitCodes, parseGitChanges, runGitInRepository, summarizeGitOutput } from './git.ts';

type Check = RepositoryEnvironment['checks'][number];
const checkMs = 15 * 60_000;
const outputChars = 4_000;

async function runCheck(
  client: Pick<SandboxClient, 'exec' | 'workdir'>,
  { path, check: { command } }: { readonly path: string; readonly check: Check },
  { now, signal }: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<EnvironmentCheckResult> {
  const line = `cd -- ${quoteForShell(`${client.workdir}/${path}`)} && bash -c ${quoteForShell(command)} </dev/null 2>&1`;
  const { exitCode, stdout, timedOut } = await client.exec({ command: line, timeoutMs: checkMs }, signal);
  return {
    status: timedOut ? 'timed_out' : exitCode === 0 ? 'passed' : 'failed',
    exitCode,
    output: truncateStart(toPrintable(stdout), outputChars),
    at: now(),
  };
}

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly commands: Pick<SessionCommands, 'tell'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<SessionRecord>;
  readonly fetches: Pick<RepositoryFetcher, 'again' | 'noteChecks'>;
  readonly now: () => number; // epoch ms
  readonly author: GitAuthor;
  readonly services: RepositoryServiceDeps & { readonly states: SandboxService['services'] };
}
interface OpenedRepository {
  readonly client: SandboxClient;
  readonly record: SessionRecord;
  readonly repository: SessionRepository;
}

const quickMs = 60_000;
const pushMs = 30 * 60_000;
const maxFiles = 2_000;
const maxDiffBytes = 900_000;
const commitForm = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

export function createRepositoryService({
  sandboxes,
  commands,
  known,
  fetches,
  author,
  now,
  services,
}: Deps): RepositoryService {
  async function find(id: SessionId, path: string) {
    const record = await known(id);
    const repository = record.repositories?.find((one) => one.path === path);
    if (!repository) throw new AppError('not_found', `The session has no repository in the folder ${path}.`);
    return { record, repository };
  }

  async function inside<T>(
    id: SessionId,
    path: string,
    signal: AbortSignal,
    act: (opened: OpenedRepository) => Promise<T>,
  ) {
    await find(id, path);
    await using used = await sandboxes.use(id, signal); // waits for a fetch in progress
    const { record, repository } = await find(id, path);
    if (repository.state !== 'ready') {
      const why = repository.error ?? 'it has not been fetched yet.';
      throw new AppError('conflict', `The repository ${path} could not be fetched: ${why}`);
    }
    return await act({ client: used.client, record, repository });
  }

  const tell = (
    id: SessionId,
    { url, path }: SessionRepository,
    data: Omit<FactOf<'repository'>['data'], 'url' | 'path'>,
  ) => commands.tell(id, { type: 'repository', data: { url, path, ...data } });

  return {
    list: async (id) => (await known(id)).repositories ?? [],

    async fetch(id, path, signal) {
      const { repository } = await find(id, path);
      if (isUsableRepository(repository)) throw new AppError('conflict', `The repository ${path} already exists.`);
      await using used = await sandboxes.use(id, signal);
      const found = await fetches.again(id, path, used.client, signal);
      if (found.state === 'failed') throw new AppError('conflict', found.error ?? 'The repository was not fetched.');
      return found;
    },

    status: (id, path, signal) =>
      inside(id, path, signal, async ({ client, repository }) => {
        const script = `
addFiles --all --intent-to-add >/dev/null 2>&1
printf '%s\\n%s\\n' "$branch" "$head"
if [ -n "$head" ] && [ -n "$base" ]; then git rev-list --count "$base..$head" 2>/dev/null || echo 0; else echo 0; fi
{ [ -z "$head" ] || [ -z "$base" ] || git log -z --no-show-signature --no-color --max-count=20 --format='%H %s' "$base..$head" 2>/dev/null; } | head -c 20000 | ${encodeFileNamesCommand}
echo
if [ -n "$head" ]; then against=$head; else against=$(git hash-object -t tree /dev/null); fi
git diff --no-ext-diff --no-textconv --ignore-submodules=dirty --find-renames --name-status -z "$against" -- >"$scratch/names" || exit 1
head -c ${maxDiffBytes} "$scratch/names" | ${encodeFileNamesCommand}`;
        const output = await run(client, path, { script, base: repository.baseCommit }, signal);
        const [branch = '', head = '', ahead = '0', subjects = '', printed = ''] = output.stdout.split('\n');
        const names = decodeFileNames(printed);
        const files = parseGitChanges(names);
        return {
          branch: branch === '' ? null : branch.slice(0, 250),
          head: commitForm.test(head) ? head : null,
          ahead: /^\d{1,9}$/.test(ahead) ? Number(ahead) : 0,
          commits: decodeFileNames(subjects)
            .split('\0')
            .map((line) => ({ commit: line.slice(0, line.indexOf(' ')), subject: line.slice(line.indexOf(' ') + 1) }))
            .filter(({ commit }) => commitForm.test(commit)),
          files: files.slice(0, maxFiles),
          truncated: files.length > maxFiles || Buffer.byteLength(names) >= maxDiffBytes,
        };
      }),

    diff: (id, path, { since, file }, signal) =>
      inside(id, path, signal, async ({ client, repository }) => {
        const script = `
addFiles --all --intent-to-add >/dev/null 2>&1
if [ "$since" = base ] && [ -n "$base" ]; then against=$base; else against=$head; fi
[ -n "$against" ] || against=$(git hash-object -t tree /dev/null)
git --literal-pathspecs diff --no-color --no-ext-diff --no-textconv --ignore-submodules=dirty --find-renames "$against" -- "\${files[@]}" >"$scratch/diff" || exit 1
head -c ${maxDiffBytes + 1} "$scratch/diff"`;
        const names = { values: { since }, lists: { files: file === undefined ? [] : [file] } };
        const { stdout } = await run(client, path, { script, base: repository.baseCommit, ...names }, signal);
        return { text: truncateEnd(stdout, maxDiffBytes), truncated: Buffer.byteLength(stdout) > maxDiffBytes };
      }),

    patch: (id, path, signal) =>
      inside(id, path, signal, async ({ client, repository }) => {
        const script = `
[ -n "$head" ] || exit ${gitExitCodes.nothing}
if [ -n "$base" ]; then commits=("$base..$head"); else commits=(--root "$head"); fi
git format-patch --stdout --no-ext-diff --no-textconv --no-signature --binary "\${commits[@]}" -- >"$scratch/patch" || exit 1
[ -s "$scratch/patch" ] || exit ${gitExitCodes.nothing}
head -c ${maxDiffBytes + 1} "$scratch/patch"`;
        const { stdout } = await run(client, path, { script, base: repository.baseCommit }, signal);
        if (Buffer.byteLength(stdout) > maxDiffBytes) {
          const text = `The patch is larger than ${maxDiffBytes / 1_000} kB. Push the branch instead.`;
          throw new AppError('payload_too_large', text);
        }
        return stdout;
      }),

    commit: (id, path, command, signal) =>
      inside(id, path, signal, async ({ client, record, repository }) => {
        const person = command.author ?? record.author ?? author;
        const script = `
[ -n "$branch" ] || { echo 'no branch is checked out' >&2; exit ${gitExitCodes.moved}; }
export GIT_LITERAL_PATHSPECS=1
kept="$scratch/index"
if [ \${#files[@]} -gt 0 ]; then
  # The index of the person keeps what else was added to it.
  addFiles --all -- "\${files[@]}" || exit 1
  kept="$scratch/kept" && cp -- "$scratch/index" "$kept"
  if [ -n "$head" ]; then git read-tree "$head"; else rm -f -- "$scratch/index"; fi
  addFiles --all -- "\${files[@]}" || exit 1
else addFiles --all || exit 1; fi
if [ -n "$leaveOut" ]; then
  # A part of an older diff could undo what has been committed since.
  GIT_INDEX_FILE="$scratch/before" git read-tree "$head" && printf '%s' "$leaveOut" | GIT_INDEX_FILE="$scratch/before" git apply --cached --check || exit 1
  for index in "$scratch/index" "$scratch/kept"; do
    [ ! -f "$index" ] || printf '%s' "$leaveOut" | GIT_INDEX_FILE=$index git apply --cached --reverse || exit 1
  done
fi
tree=$(git write-tree) || exit 1
if [ -n "$head" ]; then before=$(git rev-parse "$head^{tree}"); else before=$(git hash-object -t tree /dev/null); fi
[ "$tree" != "$before" ] || exit ${gitExitCodes.nothing}
export GIT_AUTHOR_NAME="$name" GIT_AUTHOR_EMAIL="$email" GIT_COMMITTER_NAME="$name" GIT_COMMITTER_EMAIL="$email"
git interpret-trailers --if-exists addIfDifferent --trailer "$trailer" >"$scratch/message" || exit 1
commit=$(git commit-tree "$tree" \${head:+-p "$head"} -F "$scratch/message") || exit 1
real update-ref -m 'commit by Corral' "refs/heads/$branch" "$commit" "$head" >&2 || exit ${gitExitCodes.moved}
cp -- "$kept" "$repo/.git/index.corral" && mv -T -- "$repo/.git/index.corral" "$repo/.git/index"
printf '%s\n%s\n' "$commit" "$branch"`;
        const { name, email } = person;
        const values = { name, email, trailer: formatSessionTrailer(id), leaveOut: command.leaveOut ?? '' };
        const lists = { files: command.files ?? [] };
        const stdin = `${command.message.trim()}\n`;
        const { stdout } = await run(
          client,
          path,
          { script, base: repository.baseCommit, values, lists, stdin },
          signal,
        );
        const [commit = '', branch = ''] = stdout.split('\n');
        if (!commitForm.test(commit)) throw new AppError('conflict', 'Git created no commit. Check the repository.');
        tell(id, repository, {
          kind: 'committed',
          detail: `Committed ${commit.slice(0, 12)} to ${branch} of ${path}.`,
          branch,
          commit,
        });
        return { commit, branch };
      }),

    push: (id, path, command, signal) =>
      inside(id, path, signal, async ({ client, repository }) => {
        const refused = findPushObstacle(repository);
        if (refused !== undefined) throw new AppError('forbidden', refused);
        const script = `
[ -n "$head" ] || exit ${gitExitCodes.nothing}
to=\${to:-$branch}
[ -n "$to" ] || { echo 'no branch is checked out, so the push needs the name of one' >&2; exit ${gitExitCodes.moved}; }
git check-ref-format "refs/heads/$to" || { echo "$to is no name of a branch" >&2; exit ${gitExitCodes.moved}; }
[ "$named" = yes ] || [ "$to" != "$baseBranch" ] || { echo "$to is the branch that others work on, so it must be named" >&2; exit ${gitExitCodes.moved}; }
git push --quiet --no-verify --no-follow-tags "$url" "$head:refs/heads/$to" >&2 || exit 1
printf '%s\\n%s\\n' "$head" "$to"`;
        const { url, baseBranch } = repository;
        const values = {
          url,
          to: command.branch ?? '',
          named: command.branch === undefined ? 'no' : 'yes',
          baseBranch: baseBranch ?? '',
        };
        const input = { script, base: repository.baseCommit, values, timeoutMs: pushMs, remote: repository };
        const { stdout } = await run(client, path, input, signal);
        const [commit = '', branch = ''] = stdout.split('\n');
        if (!commitForm.test(commit)) throw new AppError('conflict', 'Git pushed nothing. Check the repository.');
        tell(id, repository, {
          kind: 'pushed',
          detail: `Pushed ${commit.slice(0, 12)} to ${branch} of ${url}.`,
          branch,
          commit,
        });
        return { url, branch, commit };
      }),

    check: (id, path, names, signal) =>
      inside(id, path, signal, async ({ client, repository }) => {
        const all = repository.environment?.checks ?? [];
        const requested = names ? all.filter(({ name }) => names.includes(name)) : all;
        const unknown = names?.find((name) => !all.some((one) => one.name === name));
        if (unknown !== undefined)
          throw new AppError('not_found', `.corral/corral.yaml of ${path} has no check ${unknown}.`);
        if (requested.length === 0)
          throw new AppError(
            'conflict',
            `The repository ${path} defines no checks. Add some to its .corral/corral.yaml.`,
          );
        const results = new Map<string, EnvironmentCheckResult>();
        // Runs the checks one at a time, because they share the files.
        for (const check of requested)
          results.set(check.name, await runCheck(client, { path, check }, { now, signal }));
        await fetches.noteChecks(id, path, results);
        return requested.map(({ name, command }) => ({
          name,
          command,
          ...(results.get(name) as EnvironmentCheckResult),
        }));
      }),

    async allowServices(id, path, names, signal) {
      await allowRepositoryServices({ ...(await find(id, path)), names }, services, signal);
      return await services.states(id, signal);
    },
  };
}

interface RepositoryScript {
  readonly script: string;
  readonly base: string | null;
  readonly values?: Readonly<Record<string, string>>;
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly timeoutMs?: number;
  readonly stdin?: string;
  readonly remote?: SessionRepository;
}

/** Rejects: conflict, forbidden, invalid_request, not_found, provider_error, and the codes of `runGitInRepository`. */
async function run(client: SandboxClient, path: string, repositoryScript: RepositoryScript, signal: AbortSignal) {
  const { script, base, values = {}, lists = {}, timeoutMs = quickMs, stdin, remote } = repositoryScript;
  const all = { ...values, base: base ?? '' };
  const output = await runGitInRepository(
    client,
    path,
    { script, values: all, lists, timeoutMs, ...(stdin !== undefined && { stdin }) },
    signal,
  );
  const { exitCode, stderr } = output;
  if (exitCode === 0) return output;
  if (exitCode === gitExitCodes.nothing) throw new AppError('conflict', `Nothing has changed in ${path}.`);
  if (remote && /\[(remote )?rejected\]|non-fast-forward|fetch first/i.test(stderr)) {
    const text = `${remote.url} rejected the branch: ${summarizeGitOutput(stderr)} Fetch and merge its commits, or push to another branch.`;
    throw new AppError('conflict', text);
  }
  const known = remote && toGitRemoteError(remote, stderr);
  const how = summarizeGitOutput(stderr) || `git ended with exit code ${exitCode}.`;
  if (remote && !known) {
    const text = `${remote.url} did not accept the push: ${how} Check that its server accepts pushes, or download the patch instead.`;
    throw new AppError('conflict', text);
  }
  throw known ?? new AppError('conflict', `Git failed in ${path}: ${how}`);
}

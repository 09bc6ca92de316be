import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { checkpointFolder } from '../../core/model/run-files.ts';
import { decodeFileNames, encodeFileNamesCommand } from '../../core/text/files/byte-names.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { Checkpoint, type CheckpointDiff, type CheckpointRange } from '../api/repositories.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import { type WorkspaceHook, WorkspaceQueue } from '../engine/workspace-hooks.ts';
import type { LiveSession } from '../run/live-session.ts';
import { gitExitCodes, parseGitChanges, runGit, summarizeGitOutput } from './git.ts';

// A checkpoint has one commit for the workspace and one per nested repository, in separate repositories without the
// user's settings.

const maxRoots = 20;
const maxDiffBytes = 900_000;

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

/** `enter ROOT` selects a root's checkpoints. The first call links or copies the repository's objects. */
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

/** Prints the number of changed files. Exits with `gitExitCodes.nothing` if there are none, except for checkpoint 0. */
const checkpointScript = `${prepared}
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

/** Prints the encoded names of changed files, the byte 0x01, and the diff. An empty `$to` means the current files. */
const checkpointDiffScript = `${prepared}
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

/** Files that .gitignore excludes are kept. */
const checkpointRestoreScript = `${prepared}
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

export type CheckpointPolicy = 'repositories' | 'all' | 'none';

interface Deps extends Pick<ServerDependencies, 'clock' | 'closing' | 'records' | 'warn'> {
  readonly policy: CheckpointPolicy;
  /** Maximum number of checkpoints per session; the newest are kept. */
  readonly keep: number;
  readonly sessions: Pick<LiveSessions, 'get'>;
}
type Client = Pick<SandboxClient, 'exec' | 'workdir'>;

// Record ids begin with the session's id, for removal with the session.
const kind = 'checkpoint';
/** Records of earlier versions have no `seq`. */
const Stored = Checkpoint.extend({ seq: Checkpoint.shape.seq.default(null) });
const idOf = (id: SessionId, number: number) => `${id}:${`${number}`.padStart(8, '0')}`;
const atRestore = { runId: null, seq: null } as const;
const takeMs = 120_000;
const workMs = 120_000;

export class Checkpoints extends ServerComponent<Deps> implements WorkspaceHook {
  readonly #queue = new WorkspaceQueue();
  readonly #begun = new WeakSet<LiveSession>();

  onFact(live: LiveSession, fact: SessionFact, seq: number): void {
    if (fact.type !== 'run.end' || fact.data.reason === 'deleted') return;
    const { id, client, isPaused } = live;
    if (!client || isPaused || !this.#isFor(live)) return;
    this.#follow(id, () => this.#take(live, client, { runId: fact.runId, seq }));
  }

  async beforeUse(live: LiveSession, client: Client, signal: AbortSignal): Promise<void> {
    if (!this.#isFor(live)) return;
    if (live.runWriter && !this.#begun.has(live)) this.#follow(live.id, () => this.#begin(live, client));
    await this.#queue.settled(live.id, signal);
  }

  async list(id: SessionId): Promise<readonly Checkpoint[]> {
    const found = await this.deps.records.list(kind, { idPrefix: `${id}:` });
    return found.map(({ doc }) => Stored.parse(doc)).sort((a, b) => a.number - b.number);
  }

  async diff(
    id: SessionId,
    { from, to }: CheckpointRange,
    client: Client,
    signal: AbortSignal,
  ): Promise<CheckpointDiff> {
    const values = { session: id, workdir: client.workdir, from: `${from}`, to: to === undefined ? '' : `${to}` };
    const script = { script: checkpointDiffScript, values, timeoutMs: workMs };
    const { exitCode, stdout, stderr } = await this.#queue.inTurn(id, () => runGit(client, script, signal));
    if (exitCode !== 0) throw failure(exitCode, stderr);
    const [names = '', text = ''] = stdout.split('\u0001');
    return {
      files: parseGitChanges(decodeFileNames(names)).sort((a, b) => Number(a.path > b.path) - Number(a.path < b.path)),
      text: truncateEnd(text, maxDiffBytes),
      truncated: Buffer.byteLength(text) > maxDiffBytes,
    };
  }

  /** Resolves with the number of the checkpoint that holds the files as they were before the restore. */
  async restore(id: SessionId, number: number, client: Client, signal: AbortSignal): Promise<number> {
    const live = this.deps.sessions.get(id);
    if (!live) throw new AppError('sandbox_lost', 'The session moved to another server. Try again.');
    if (live.runWriter) throw new AppError('conflict', 'A run is in progress. Stop it, or wait until it ends.');
    return await this.#queue.inTurn(id, async () => {
      await this.#take(live, client, atRestore);
      const before = (await this.list(id)).at(-1)?.number ?? 0;
      const values = { session: id, workdir: client.workdir, number: `${number}` };
      const script = { script: checkpointRestoreScript, values, timeoutMs: workMs };
      const { exitCode, stderr } = await runGit(client, script, signal);
      if (exitCode !== 0) throw failure(exitCode, stderr);
      await this.#take(live, client, atRestore);
      return before;
    });
  }

  #isFor({ writer }: LiveSession): boolean {
    const { policy } = this.deps;
    return policy === 'all' || (policy === 'repositories' && (writer.record.repositories?.length ?? 0) > 0);
  }

  #follow(id: SessionId, work: () => Promise<void>): void {
    void this.#queue.begin(id, work, (err) => {
      const { code } = toAppError(err);
      if (code !== 'unsupported' && code !== 'sandbox_lost' && code !== 'cancelled')
        this.deps.warn({ session: id, err }, 'no checkpoint of the files was made');
    });
  }

  async #begin(live: LiveSession, client: Client): Promise<void> {
    if (this.#begun.has(live)) return;
    this.#begun.add(live);
    if ((await this.list(live.id)).length === 0)
      await this.#make(live, client, { number: 0, runId: null, seq: null, oldest: undefined });
  }

  async #take(live: LiveSession, client: Client, place: Pick<Checkpoint, 'runId' | 'seq'>): Promise<void> {
    const all = await this.list(live.id);
    const last = all.at(-1);
    const oldest = all.length >= this.deps.keep ? all[0]?.number : undefined;
    await this.#make(live, client, { number: last ? last.number + 1 : 0, ...place, oldest });
  }

  async #make(
    { id, writer }: LiveSession,
    client: Client,
    { number, runId, seq, oldest }: Pick<Checkpoint, 'number' | 'runId' | 'seq'> & { oldest: number | undefined },
  ): Promise<void> {
    const { records, clock, closing } = this.deps;
    const values = {
      session: id,
      workdir: client.workdir,
      number: `${number}`,
      oldest: oldest === undefined ? '' : `${oldest}`,
    };
    const script = { script: checkpointScript, values, timeoutMs: takeMs };
    const { exitCode, stdout, stderr } = await runGit(client, script, closing);
    if (exitCode === gitExitCodes.nothing) return;
    if (exitCode !== 0) throw failure(exitCode, stderr);
    const count = /^(\d{1,9})\s*$/.exec(stdout)?.[1];
    const at = clock.now();
    const doc: Checkpoint = { number, runId, seq, at, files: Number(count ?? 0) };
    await records.put({ kind, id: idOf(id, number), doc, sort: at });
    if (oldest !== undefined) await records.delete(kind, idOf(id, oldest));
    if (number > 0 && !writer.record.hasCheckpoints) await writer.amend({ hasCheckpoints: true });
  }
}

const failure = (exitCode: number, stderr: string) =>
  exitCode === gitExitCodes.moved
    ? new AppError('not_found', 'There is no such checkpoint in this workspace.')
    : new AppError('conflict', `Git failed: ${summarizeGitOutput(stderr) || `it ended with ${exitCode}`}`);

import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { z } from 'zod';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreSessionNotFound } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import type { ExecResult } from '../../sandboxes/client/client.ts';
import type { FileService } from '../api/files.ts';
import type { SandboxService } from '../api/sandboxes.ts';
import type { SessionService } from '../api/sessions.ts';
import type { CodeRunResult, WorkspaceHandle, WorkspaceService, WorkspaceUser } from '../api/workspaces.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import { addTruncationNotes, execWithAutoStart } from '../services/exec-if-running.ts';
import { toLoginShellCommand } from '../services/processes.ts';

interface CodeScript {
  readonly program: string;
  readonly command: string;
  /** The script's entire stderr if the program is not installed. */
  readonly missing: string;
}

/** `mark` must be unguessable. */
export function createRunFileCommand(name: string, mark: string): CodeScript {
  const program = programs[posix.extname(name)] ?? 'python3';
  const missing = `${mark}: no ${program}`;
  const whole = posix.normalize(name); // `files.write` saves `none/../x` as `x`
  const file = whole.startsWith('-') ? `./${whole}` : whole; // a program would read a leading `-` as an option
  const command = [
    `command -v ${program} > /dev/null || { printf %s ${quoteForShell(missing)} >&2; exit 127; }`,
    'export PYTHONUNBUFFERED=1', // keeps output that was printed before a timeout
    `exec ${program} ${quoteForShell(file)}`,
  ].join('\n');
  return { program, command, missing };
}
const programs: Readonly<Record<string, string>> = { '.js': 'node', '.mjs': 'node', '.sh': 'bash' };

export function toCodeResult({ program, missing }: CodeScript, result: ExecResult, timeoutMs: number): CodeRunResult {
  const { exitCode, timedOut } = result;
  const ended = { exitCode, ...addTruncationNotes(result) };
  if (timedOut) return { ...ended, error: `Execution timed out after ${timeoutMs / 1_000} s` };
  if (result.stderr === missing) return { ...ended, stderr: '', error: `${program} is not available` };
  if (exitCode === 0) return { ...ended, error: null };
  const last = result.stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return { ...ended, error: last === '' ? `Exited with code ${exitCode}` : last };
}

/** Both streams go to stdout; stderr gets the final working directory. */
function commandScript(command: string, cwd: string | undefined): string {
  const go = cwd === undefined ? '' : `cd -- ${quoteForShell(cwd)} 2>/dev/null; `; // falls back to the workspace if `cwd` is gone
  const script = `trap 'pwd >&3' EXIT; ${go}eval ${quoteForShell(command)}`;
  return `exec ${toLoginShellCommand(script)} 3>&2 2>&1`;
}

interface Deps extends Pick<ServerDependencies, 'clock' | 'ids' | 'records'> {
  readonly sessions: Pick<SessionService, 'create' | 'get' | 'activeRun' | 'sandbox'>;
  readonly files: Pick<FileService, 'write'>;
  readonly sandboxes: Pick<SandboxService, 'start' | 'exec'>;
  readonly commands: Pick<SessionCommands, 'command'>;
  readonly graceMs: number;
  /** `name` is undefined if no other server shares the store. */
  readonly replica: { readonly name: string | undefined; isAlive(name: string): Promise<boolean> };
}

const kind = 'workspace';
/** A record `<session>:<server>` means that the server has members in the session's workspace. */
const useKind = 'workspace-use';
const Named = z.object({ sessionId: SessionId });
const codeMs = 30_000;
const commandMs = 120_000;
/** Minimum interval between checks for an active run, even with a shorter grace period. */
const workingMs = 1_000;

interface OpenWorkspace {
  readonly key: string;
  readonly members: Set<WorkspaceHandle>;
  /** Cancels running calls when the workspace closes. */
  readonly over: AbortController;
  /** Session whose sandbox stops after the last member has left. */
  ownSession: SessionId | undefined;
  marked: SessionId | undefined;
  cwd: string | undefined;
  timer: unknown;
}

/** Includes the workspaces whose sandboxes a previous server process left running. */
export async function createWorkspaceService(deps: Deps): Promise<WorkspaceService> {
  const { records, sessions, files, sandboxes, commands, clock, ids, graceMs, replica } = deps;
  const places = new Map<string, OpenWorkspace>();
  const turns = createKeyedQueue();

  function ensurePlace(key: string): OpenWorkspace {
    const found = places.get(key);
    if (found) return found;
    const place: OpenWorkspace = {
      key,
      members: new Set<WorkspaceHandle>(),
      over: new AbortController(),
      ownSession: undefined,
      marked: undefined,
      cwd: undefined,
      timer: undefined,
    };
    places.set(key, place);
    return place;
  }

  async function ensureSession({ as }: Member, name: string, place: OpenWorkspace): Promise<SessionRecord> {
    const { key } = place;
    const core = SessionId.safeParse(name);
    const other = core.success ? await sessions.get(core.data).catch(ignoreSessionNotFound) : undefined;
    // A workspace's session id grants no access, because the workspace can belong to another user.
    if (other && other.origin !== 'workspace' && (as?.mayUse(other) ?? true)) return other;
    const found = await records.get(kind, key);
    const known = found && (await sessions.get(Named.parse(found.doc).sessionId).catch(ignoreSessionNotFound));
    const session =
      known ?? (await sessions.create({ origin: 'workspace', title: name, ...(as && { owner: as.owner }) }));
    if (!known) await records.put({ kind, id: key, doc: { sessionId: session.id } });
    if (place.ownSession !== session.id) place.cwd = undefined;
    place.ownSession = session.id;
    await mark(place, session.id);
    return session;
  }

  const markOf = (id: SessionId) => ({ kind: useKind, id: `${id}:${replica.name}` });
  async function mark(place: OpenWorkspace, id: SessionId): Promise<void> {
    if (replica.name === undefined || place.marked === id) return;
    await records.put({ ...markOf(id), doc: {} });
    place.marked = id;
  }
  /** Deletes this server's mark first, so that if several servers leave at once, the last one finds no marks. */
  async function isUsedElsewhere(id: SessionId): Promise<boolean> {
    if (replica.name === undefined) return false;
    const own = markOf(id);
    await records.delete(own.kind, own.id);
    for (const { id: other } of await records.list(useKind, { idPrefix: `${id}:` })) {
      if (await replica.isAlive(other.slice(id.length + 1))) return true;
    }
    return false;
  }

  async function act<Value>(
    member: Member,
    name: string,
    work: (id: SessionId, place: OpenWorkspace) => Promise<Value>,
  ) {
    const key = keyOf(member.as ? `${member.as.owner}\0${member.userId}` : member.userId, name);
    // After a member has left, its unfinished calls must not reopen a workspace.
    if (member.hasLeft && !places.has(key)) throw new AppError('cancelled', 'The workspace was closed.');
    const place = ensurePlace(key);
    if (!member.hasLeft) {
      place.members.add(member);
      clock.clearTimeout(place.timer);
    }
    return await turns(place.key, async () => {
      throwIfAborted(place.over.signal);
      const { id } = await ensureSession(member, name, place);
      return await work(id, place);
    });
  }

  const leave = (place: OpenWorkspace, member?: WorkspaceHandle) => {
    if (member) place.members.delete(member);
    if (place.members.size === 0) closeIn(place, graceMs);
  };
  function closeIn(place: OpenWorkspace, ms: number): void {
    clock.clearTimeout(place.timer);
    place.timer = clock.setTimeout(() => void close(place), ms);
  }
  async function close(place: OpenWorkspace): Promise<void> {
    const { ownSession: id, key } = place;
    // A failed check counts as an active run, unless the session is gone.
    const isWorking = id !== undefined && (await sessions.activeRun(id).then(isRun, isOtherThanGone));
    if (place.members.size > 0 || places.get(key) !== place) return;
    if (isWorking) return closeIn(place, Math.max(graceMs, workingMs));
    places.delete(key);
    place.over.abort();
    // Runs after earlier calls, which may create the session, and before new members' calls.
    const stop = async () => {
      const { ownSession: own } = place;
      if (own === undefined || (await isUsedElsewhere(own))) return;
      await commands.command(own, { type: 'sandbox.stop', commandId: ids.short() });
    };
    await turns(key, stop).catch(() => {});
  }

  class Member implements WorkspaceHandle {
    readonly userId: string;
    readonly as: WorkspaceUser | undefined;
    hasLeft = false;
    constructor(userId: string, as: WorkspaceUser | undefined) {
      this.userId = userId;
      this.as = as;
    }
    runCode(workspace: string, { name, code }: { name: string; code: string }) {
      return act(this, workspace, async (id, { over: { signal } }) => {
        await files.write(id, name, code, signal);
        const script = createRunFileCommand(name, ids.short());
        const requested = { command: script.command, timeoutMs: codeMs };
        return toCodeResult(script, await execWithAutoStart(sandboxes, id, requested, signal), codeMs);
      });
    }
    runCommand(workspace: string, command: string) {
      return act(this, workspace, async (id, place) => {
        const requested = { command: commandScript(command, place.cwd), timeoutMs: commandMs };
        const ended = await execWithAutoStart(sandboxes, id, requested, place.over.signal);
        place.cwd = folderIn(ended.stderr) ?? place.cwd;
        const { exitCode } = ended;
        return {
          output: addTruncationNotes(ended).stdout,
          exitCode,
          cwd: place.cwd ?? (await sessions.sandbox(id)).workdir,
        };
      });
    }
    saveFile(workspace: string, name: string, content: string) {
      return act(this, workspace, (id, { over }) => files.write(id, name, content, over.signal));
    }
    [Symbol.dispose]() {
      this.hasLeft = true;
      for (const place of places.values()) if (place.members.has(this)) leave(place, this);
    }
  }

  for (const { id: key, doc } of await records.list(kind)) {
    const { sessionId } = Named.parse(doc);
    const session = await sessions.get(sessionId).catch(ignoreSessionNotFound);
    if (!session) await records.delete(kind, key);
    else if (session.sandboxState === 'created' || session.sandboxState === 'running') {
      const place = ensurePlace(key);
      place.ownSession = sessionId;
      leave(place);
    }
  }
  return {
    join: (userId, as) => new Member(userId, as),
    async [Symbol.asyncDispose]() {
      for (const { timer } of places.values()) clock.clearTimeout(timer);
      places.clear();
    },
  };
}

/** Hashed, because clients choose the user id and the name. */
const keyOf = (userId: string, name: string) => createHash('sha256').update(`${userId}\0${name}`).digest('hex');

const folderIn = (text: string): string | undefined => /^(\/[^\n]*)\n?$/.exec(text)?.[1];

const isRun = (run: object | undefined) => run !== undefined;
const isOtherThanGone = (thrown: unknown) => !(thrown instanceof AppError && thrown.code === 'session_not_found');

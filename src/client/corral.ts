import { BoxAttempts } from './attempts.ts';
import type { FileContent } from './bodies.ts';
import type { CorralClient, CorralClientOptions } from './client.ts';
import { type Connection, connect } from './connection.ts';
import { CorralError } from './errors.ts';
import { followEvents } from './events.ts';
import { type ExecBytesOptions, type ExecOptions, type ExecResult, exec, execBytes } from './exec.ts';
import { Files } from './files.ts';
import { Memory, type MemoryOptions } from './memory.ts';
import { type ListeningPort, openPreview, Port, type Preview, type PreviewOptions } from './port.ts';
import { Run } from './run.ts';
import { Templates } from './templates.ts';
import { Terminal, type TerminalOptions } from './terminal.ts';
import type { Event, Inputs, SandboxStatus, Session, Snapshot } from './types.ts';
import { type VolumeMount, Volumes } from './volumes.ts';

export interface ServerOptions extends Omit<CorralClientOptions, 'url'> {
  /** Default: CORRAL_URL, else http://127.0.0.1:8000. The token's default is CORRAL_TOKEN. */
  readonly url?: string;
}
type NewSession = Exclude<Inputs['sessions']['create'], void>;
export interface NewBox {
  readonly title?: string;
  readonly projectId?: string;
  /** `demo` or `provider/model`; default: the project's, else the template's, else the server's. */
  readonly model?: string;
  /** The recipe for the box's sandbox and agent; default: the project's, or the server's. */
  readonly template?: string;
  /** Git repositories to fetch into the box's workspace. */
  readonly repositories?: NonNullable<NewSession['repositories']>;
  /** The author of commits made in the box. */
  readonly author?: NonNullable<NewSession['author']>;
  /** Files to write into the box's workspace, keyed by path. */
  readonly files?: Readonly<Record<string, FileContent>>;
  /** Environment variables for every command that `exec` starts. */
  readonly env?: Readonly<Record<string, string>>;
  /** Keeps the session when the `await using` block ends. */
  readonly keep?: boolean;
  /** Seconds until the server deletes the box; default: never. */
  readonly lifetime?: number;
  /** Seconds until an unused sandbox is stopped; its files stay. At most the server's setting. */
  readonly idleTimeout?: number;
  /** `none`, or the only reachable hosts (`host`, `*.host`, `host:port`), within the server's policy. */
  readonly egress?: Egress;
  /** CPU and memory limits, at most the server's. The driver must be able to enforce them. */
  readonly size?: SandboxSize;
  /** Other containers alongside the sandbox, such as a database, keyed by name. */
  readonly services?: NonNullable<NewSession['services']>;
  /** The text of a compose file, as an alternative to `services`. */
  readonly compose?: string;
  /** The id or name of a snapshot whose files the box starts with. */
  readonly snapshot?: string;
  /** The id or name of a template that you built, optionally with a tag. */
  readonly built?: string;
  /** Volumes to mount in the box's sandbox: storage that outlives the box. */
  readonly volumes?: readonly VolumeMount[];
  /** Your own key-value pairs; `list` can filter by them. */
  readonly metadata?: Readonly<Record<string, string>>;
}
/** `env` always applies; the other options apply only to a new box. */
export type NamedBoxOptions = Omit<NewBox, 'files' | 'keep'>;
export type Egress = 'none' | readonly string[];
export interface SandboxSize {
  readonly cpus?: number;
  /** Bytes, or a size such as `512MiB`. */
  readonly memory?: number | string;
}
export type ListOptions = NonNullable<Inputs['sessions']['list']>;
export type RunOptions = Pick<Inputs['runs']['send'], 'mode' | 'attachments' | 'clientMessageId' | 'goal'>;

export type EditOptions = Omit<Inputs['sessions']['edit'], 'id' | 'seq' | 'text'>;
export type ForkOptions = Omit<Inputs['sessions']['fork'], 'id'>;

/**
 * A Corral server.
 *
 * @example
 * const box = await Corral.create({ title: 'Report' });
 * const { text } = await (await box.run('Write report.md')).result();
 */
export class Corral {
  readonly #server: Connection;

  constructor(options: ServerOptions = {}) {
    const { CORRAL_URL, CORRAL_TOKEN } = environment();
    const token = options.token ?? CORRAL_TOKEN;
    const url = options.url ?? CORRAL_URL ?? 'http://127.0.0.1:8000';
    this.#server = connect({ ...options, url, ...(token && { token }) });
  }

  /** Creates a session, whose sandbox starts in the background. */
  static create({ url, token, transport, EventSource, WebSocket, ...box }: ServerOptions & NewBox = {}): Promise<Box> {
    const values = Object.entries({ url, token, transport, EventSource, WebSocket });
    return new Corral(Object.fromEntries(values.filter(([, value]) => value !== undefined))).create(box);
  }

  get address(): string {
    return this.#server.address;
  }
  /** Every procedure of the server. */
  get api(): CorralClient {
    return this.#server.api;
  }

  /** The sandbox starts in the background. With `files`, resolves once they are written. */
  async create({ files = {}, env, keep = false, ...requested }: NewBox = {}): Promise<Box> {
    const { id } = await this.#server.call((api) => api.sessions.create.mutate(toSessionInput(requested)));
    const box = new Box(this.#server, id, { ...(env && { env }), isOwn: !keep });
    try {
      await box.attach(files);
    } catch (error) {
      await box.remove().catch(() => {}); // the caller never learns the id, so nothing else would delete the box
      throw error;
    }
    return box;
  }

  static box(
    name: string,
    { url, token, transport, EventSource, WebSocket, ...requested }: ServerOptions & NamedBoxOptions = {},
  ): Promise<Box> {
    const values = Object.entries({ url, token, transport, EventSource, WebSocket });
    return new Corral(Object.fromEntries(values.filter(([, value]) => value !== undefined))).box(name, requested);
  }

  /**
   * Gets or creates the box, and starts or resumes it in the background. `env` always applies; the other options apply
   * only to a new box. Concurrent calls get the same box. `await using` does not delete it.
   */
  async box(name: string, { env, ...requested }: NamedBoxOptions = {}): Promise<Box> {
    const { session } = await this.#server.call((api) =>
      api.sessions.named.mutate({ ...toSessionInput(requested), name }),
    );
    return new Box(this.#server, session.id, { ...(env && { env }) });
  }

  /** Yields the sessions that the caller can see, those with the newest messages first. */
  async *list(options: ListOptions = {}): AsyncGenerator<Session, void> {
    let cursor: string | undefined;
    do {
      const requested = { ...options, ...(cursor !== undefined && { cursor }) };
      const page = await this.#server.call((api) => api.sessions.list.query(requested));
      yield* page.items;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Rejects with session_not_found if there is no such session. */
  async open(id: string): Promise<Box> {
    return new Box(this.#server, (await this.#server.call((api) => api.sessions.get.query({ id }))).id);
  }

  /** The notes that outlive sessions: the caller's own, or those of a project. */
  memory(options: MemoryOptions = {}): Memory {
    return new Memory(this.#server, options);
  }

  /** Storage that outlives boxes. */
  get volumes(): Volumes {
    return new Volumes(this.#server);
  }

  /** Templates that you build from a Dockerfile. */
  get templates(): Templates {
    return new Templates(this.#server);
  }

  /** Exports a snapshot as one file for another installation. A broken transfer fails with an error. */
  async exportSnapshot(
    idOrName: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> }> {
    const all = await this.#server.call((api) => api.snapshots.list.query());
    const id = all.find((one) => one.id === idOrName || one.name === idOrName)?.id ?? idOrName;
    return await this.#server.download(`/api/v1/snapshots/${encodeURIComponent(id)}/archive`, options);
  }
  /** Imports a snapshot from another installation, completely or not at all. */
  async importSnapshot(
    content: FileContent,
    { name, ...options }: { name?: string; signal?: AbortSignal } = {},
  ): Promise<Snapshot> {
    const query = name === undefined ? '' : `?name=${encodeURIComponent(name)}`;
    const asTar = { method: 'POST', type: 'application/x-tar', ...options };
    const response = await this.#server.upload(`/api/v1/snapshots/archive${query}`, content, asTar);
    return (await response.json()) as Snapshot;
  }

  /** Sends the token. Resolves with a response of any status. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return this.#server.fetch(path, init);
  }

  /** Calls the low-level client. Rejects with a CorralError if the call fails. */
  call<Result>(work: (api: CorralClient) => Promise<Result>): Promise<Result> {
    return this.#server.call(work);
  }
}

interface BoxOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly isOwn?: boolean;
}

/** A session: a sandbox with files and terminals, and the agent that works in it. */
export class Box implements AsyncDisposable {
  readonly id: string;
  readonly files: Files;
  /** Parallel attempts at one task, from which you choose one result. */
  readonly attempts: BoxAttempts;
  readonly #server: Connection;
  readonly #env: BoxOptions['env'];
  readonly #isOwn: boolean;

  constructor(server: Connection, id: string, { env, isOwn = false }: BoxOptions = {}) {
    this.id = id;
    this.#server = server;
    this.#env = env;
    this.#isOwn = isOwn;
    this.files = new Files(server, id);
    this.attempts = new BoxAttempts(server, id);
  }

  get api(): CorralClient {
    return this.#server.api;
  }

  session(): Promise<Session> {
    return this.#server.call((api) => api.sessions.get.query({ id: this.id }));
  }

  /** Gives the agent a task, or steers the run in progress. */
  async run(text: string, options: RunOptions = {}): Promise<Run> {
    const sent = await this.#server.call((api) => api.runs.send.mutate({ sessionId: this.id, text, ...options }));
    return new Run(this.#server, { sessionId: this.id, id: sent.runId, seq: sent.seq });
  }

  exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    return exec(this.#server, this.id, command, this.#withEnv(options));
  }
  /** Like `exec`, but for callers that need the output as bytes. */
  execBytes(command: string, options: ExecBytesOptions): Promise<Pick<ExecResult, 'exitCode' | 'timedOut'>> {
    return execBytes(this.#server, this.id, command, this.#withEnv(options));
  }
  #withEnv<Options extends ExecOptions | ExecBytesOptions>(options: Options): Options {
    return this.#env ? { ...options, env: { ...this.#env, ...options.env } } : options;
  }

  /** Writes the files. Resolves with their paths, for the `attachments` of a task. */
  async attach(files: Readonly<Record<string, FileContent>>): Promise<string[]> {
    for (const [path, content] of Object.entries(files)) await this.files.write(path, content);
    return Object.keys(files);
  }

  /** The ports on which programs in the sandbox listen. Does not start the sandbox. */
  async ports(): Promise<readonly ListeningPort[]> {
    return await this.#server.call((api) => api.ports.list.query({ sessionId: this.id }));
  }
  /** A port of the sandbox. `await box.port(3000).url` is a URL that a browser can open. */
  port(number: number): Port {
    return new Port(this.#server, this.id, number);
  }
  /** Opens a preview of a port, or of the files of the workspace. */
  async preview(of: Preview['of'], options: PreviewOptions = {}): Promise<Preview> {
    return await openPreview(this.#server, this.id, { of, ...options });
  }

  /** Opens a new shell, or the terminal with this `id`. Pass `onData`, or iterate over the terminal. */
  async terminal({ id, ...options }: TerminalOptions & { readonly id?: string } = {}): Promise<Terminal> {
    const open = () => this.#server.call((api) => api.terminals.open.mutate({ sessionId: this.id }));
    return await Terminal.open(this.#server, id ?? (await open()).id, options);
  }

  /** Yields the session's events after `afterSeq`, then new ones, until the session is deleted. */
  events(afterSeq = 0): AsyncGenerator<Event, void> {
    return followEvents(this.#server, this.id, afterSeq);
  }

  /**
   * Copies the conversation up to the end of the newest run, or up to the end of the step or run at `seq`.
   * `session().forkedFrom.files` reports whether files were copied. Rejects with conflict if no run has ended.
   */
  async fork(options: ForkOptions = {}): Promise<Box> {
    return this.#owned((await this.#server.call((api) => api.sessions.fork.mutate({ id: this.id, ...options }))).id);
  }

  /**
   * Copies the conversation before the message at `seq`, which must have started a run, and sends `text` in its place.
   * Rejects with conflict during a run, unless `stopsRun` is set.
   */
  async edit(seq: number, text: string, options: EditOptions = {}): Promise<Box> {
    const requested = { id: this.id, seq, text, ...options };
    const { session } = await this.#server.call((api) => api.sessions.edit.mutate(requested));
    return this.#owned(session.id);
  }

  /**
   * Copies the files for new boxes, as in `corral.create({ snapshot: 'build-cache' })`. The copy outlives the box, and
   * takes over `name` from an older snapshot.
   */
  snapshot(
    options: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> } = {},
  ): Promise<Snapshot> {
    return this.#server.call((api) => api.snapshots.create.mutate({ sessionId: this.id, ...options }));
  }
  /** Creates boxes with the current files, but without the running processes. Each fork can fail independently. */
  async forks(count: number): Promise<(Box | CorralError)[]> {
    const created = await this.#server.call((api) => api.sandbox.fork.mutate({ sessionId: this.id, count }));
    return created.map((one) =>
      'sessionId' in one
        ? this.#owned(one.sessionId)
        : new CorralError(one.error.code as CorralError['code'], one.error.message, { address: this.#server.address }),
    );
  }

  #owned(id: string): Box {
    return new Box(this.#server, id, { ...(this.#env && { env: this.#env }), isOwn: true });
  }

  /** The name must be unique among your boxes. Null removes it. */
  async rename(name: string | null): Promise<void> {
    await this.#server.call((api) => api.sessions.update.mutate({ id: this.id, name }));
  }

  /** Schedules the box's deletion `seconds` from now. Null: never. */
  async setLifetime(seconds: number | null): Promise<void> {
    await this.#server.call((api) => api.sessions.update.mutate({ id: this.id, lifetimeSeconds: seconds }));
  }

  /** Does not start the sandbox. The field `pause` shows the most that a pause can keep. */
  status(): Promise<SandboxStatus> {
    return this.#server.call((api) => api.sandbox.status.query({ sessionId: this.id }));
  }
  /**
   * Any use of the sandbox resumes it. By default, keeps as much as possible. Rejects: unsupported (the sandbox cannot
   * keep the requested parts), sandbox_not_found (not running), sandbox_lost (it ended unexpectedly), conflict (the
   * pause would end a run's processes), sandbox_unavailable or deadline_exceeded (it could not be frozen).
   */
  pause(keeps?: 'memory' | 'files'): Promise<SandboxStatus> {
    const requested = { sessionId: this.id, ...(keeps && { keeps }) };
    return this.#server.call((api) => api.sandbox.pause.mutate(requested));
  }
  /** Any use of a paused sandbox also resumes it. */
  resume(): Promise<SandboxStatus> {
    return this.#server.call((api) => api.sandbox.resume.mutate({ sessionId: this.id }));
  }

  /** Ends the run and every process, and keeps the files. */
  async stop(): Promise<void> {
    await this.#server.call((api) => api.sandbox.stop.mutate({ sessionId: this.id }));
  }

  /** Deletes the session with its sandbox, files and history. */
  async remove(): Promise<void> {
    await this.#server.call((api) => api.sessions.delete.mutate({ id: this.id }));
  }

  /** Ends all subscriptions of this client, including those of its other boxes. */
  close(): void {
    this.#server.api.close();
  }

  /** `await using` deletes a box from `create`, `fork`, `forks` or `edit`, unless it was created with `keep`. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#isOwn) await this.remove();
    } catch (error) {
      // already deleted inside the `await using` block
      if (!(error instanceof CorralError && error.code === 'session_not_found')) throw error;
    }
  }
}

const toSessionInput = ({
  lifetime,
  idleTimeout,
  egress,
  size,
  volumes,
  ...rest
}: Omit<NewBox, 'files' | 'env' | 'keep'>) => ({
  ...rest,
  ...(lifetime !== undefined && { lifetimeSeconds: lifetime }),
  ...(idleTimeout !== undefined && { idleSeconds: idleTimeout }),
  ...(egress !== undefined && { egress: egress === 'none' ? egress : [...egress] }),
  ...(size && { size }),
  ...(volumes && { volumes: [...volumes] }),
});

/** Returns an empty object in browsers, which have no environment variables. */
function environment(): Record<string, string | undefined> {
  return (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};
}

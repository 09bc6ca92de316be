import { chmod, readFile, readlink, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { combineSignals, raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { waitForNextLoopTurn } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { IdSource } from '../../../src/core/model/ids.ts';
import { toProtocolError } from '../../../src/core/model/protocol-violation.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { EgressHandler, SandboxLink } from '../../driver.ts';
import type { SandboxMeta } from '../folders.ts';
import { DaemonHttpAgent } from './daemon-agent.ts';
import { acceptHandshake } from './handshake.ts';
import { IdleConnections } from './idle-connections.ts';
import { listenOnUnixSocket, removeStaleSockets } from './listen.ts';
import { removeTokenFile } from './token.ts';

export function createLinkLifetime(sandbox: AbortSignal): { readonly lost: AbortSignal; close(): void } {
  const closing = new AbortController();
  return {
    lost: combineSignals([sandbox, closing.signal]),
    close: () => closing.abort(new AppError('sandbox_lost', 'The link to the sandbox was closed.')),
  };
}

interface SymlinkSpec {
  readonly path: string;
  readonly to: string;
  readonly temporaryName: string;
}

const leadsTo = (path: string) => readlink(path).catch(() => undefined);

async function createSymlink({ path, to, temporaryName }: SymlinkSpec): Promise<void> {
  if ((await leadsTo(path)) === to) return;
  const temporary = join(dirname(path), temporaryName);
  await symlink(to, temporary);
  await rename(temporary, path);
}

async function removeSymlink({ path, to }: SymlinkSpec): Promise<void> {
  if ((await leadsTo(path)) === to) await unlink(path).catch(() => {});
}

/** Maximum connections per kind (silent, daemon, egress), so that one kind cannot block another. */
const maxEach = 128;
/** Only the server opens streams, and its sandbox client limits their number. */
const maxStreams = 2_048;
const maxConnections = 3 * maxEach + maxStreams;
const patienceMs = 5_000;
const openingBrace = 0x7b;

interface Callers {
  daemon(socket: Socket): void;
  wayOut(socket: Socket): void;
}
interface Peers {
  serve(socket: Socket): void;
  /** Streams do not count towards the limit of their kind. */
  asStream(connection: Duplex): void;
}

/** A daemon's first byte is a brace, which starts neither HTTP nor SOCKS. */
function byPeerKind(callers: Callers): Peers {
  const open = { silent: new Set<Duplex>(), daemon: new Set<Duplex>(), wayOut: new Set<Duplex>() };
  const admit = (kind: keyof typeof open, socket: Socket): boolean => {
    if (open[kind].size >= maxEach) {
      socket.destroy();
      return false;
    }
    open[kind].add(socket);
    socket.once('close', () => open[kind].delete(socket));
    return true;
  };
  return {
    serve(socket) {
      if (!admit('silent', socket)) return;
      atFirstByte(socket, (byte) => {
        const kind = byte === openingBrace ? 'daemon' : 'wayOut';
        open.silent.delete(socket);
        if (!admit(kind, socket)) return;
        socket.allowHalfOpen = kind === 'wayOut'; // the egress gate closes the connection itself
        callers[kind](socket);
      });
    },
    asStream: (connection) => void open.daemon.delete(connection),
  };
}

/**
 * Reports undefined if no byte arrives in time. Calls `report` synchronously, because a later listener would miss the
 * event for unread bytes.
 */
function atFirstByte(socket: Socket, report: (byte: number | undefined) => void): void {
  const settle = (byte: number | undefined) => {
    clearTimeout(timer);
    socket.off('readable', look).off('end', give).off('close', give);
    if (!socket.destroyed) report(byte);
  };
  const look = () => {
    const chunk = socket.read() as Buffer | null;
    if (!chunk) return;
    socket.off('readable', look);
    socket.unshift(chunk);
    settle(chunk[0]);
  };
  const give = () => settle(undefined);
  const timer = setTimeout(give, patienceMs);
  socket.on('readable', look).once('end', give).once('close', give);
}

/** In ms. Longer than the kernel takes to close a dead daemon's connections. */
const graceMs = 250;

/** A running daemon keeps an idle connection. If one from an earlier boot stays open, another process has the token. */
class DuplicateDaemonDetector {
  readonly #hasIdle: () => boolean;
  #boot: string | undefined;

  constructor(hasIdle: () => boolean) {
    this.#hasIdle = hasIdle;
  }

  async isSecond(boot: string): Promise<boolean> {
    if (this.#boot !== undefined && this.#boot !== boot && this.#hasIdle()) {
      await pause(graceMs, undefined, { ref: false });
      // The timer can fire before closed connections are reported.
      for (let turns = 0; turns < 2; turns++) await waitForNextLoopTurn();
      if (this.#hasIdle() && this.#boot !== boot) return true;
    }
    this.#boot = boot;
    return false;
  }
}

export interface SandboxEndpointOptions {
  readonly gate: EgressHandler;
  readonly ids: IdSource;
  /** Set if several servers share the folders. Each server listens on its own `control.<replica>`. */
  readonly replica: string | undefined;
  /** PEM certificates, written to `ca.pem` next to the sockets. */
  readonly caBundle: string | undefined;
  readonly onRefused: ((from: SandboxMeta, reason: string) => void) | undefined;
}

export type SandboxIdentity = Pick<SandboxMeta, 'id' | 'sessionId'>;

/** The symlink `egress` points to the socket of the session's server. */
export interface SandboxEndpoint extends AsyncDisposable {
  /** Resolves once the daemon connects. Rejects if it is incompatible, the sandbox is lost, or the endpoint closes. */
  readonly ready: Promise<void>;
  readonly lost: AbortSignal;
  /** Used for claimed pool sandboxes. Does not change the folder's record. */
  identify(as: SandboxIdentity): void;
  takeEgress(): Promise<void>;
  link(workdir: string, over?: () => Promise<void>): SandboxLink;
  /** Fails all requests and links with this reason, because the sandbox is gone permanently. */
  lose(reason: AppError): void;
}

export async function openSandboxEndpoint(
  mount: string,
  meta: SandboxMeta,
  options: SandboxEndpointOptions,
): Promise<SandboxEndpoint> {
  const { gate, ids, replica, caBundle, onRefused } = options;
  let who: SandboxIdentity = { id: meta.id, sessionId: meta.sessionId };
  const token = new Secret(meta.token);
  const idle = new IdleConnections();
  const one = new DuplicateDaemonDetector(() => idle.hasIdle);
  const lost = new AbortController();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});

  if (caBundle !== undefined) await write(join(mount, 'ca.pem'), caBundle);
  await using opened = new AsyncDisposableStack();
  const temporaryName = `.${ids.short().slice(0, 5)}`;
  if (replica !== undefined) await removeStaleSockets(mount);
  const control = replica === undefined ? 'control' : `control.${replica}`;
  const welcome = async (socket: Socket) => {
    const greeting = await acceptHandshake(socket, token, () => removeTokenFile(mount));
    if (greeting.kind === 'ok') {
      if (await one.isSecond(greeting.boot)) {
        socket.destroy();
        onRefused?.({ ...meta, ...who }, secondDaemon.detail);
        return lose(toProtocolError(secondDaemon)); // the server cannot tell which of the two is the daemon
      }
      idle.add(socket, greeting.sparing);
      return ready.resolve();
    }
    onRefused?.({ ...meta, ...who }, greeting.reason);
    if (greeting.kind === 'mismatch') ready.reject(new AppError('sandbox_unavailable', mismatch(greeting.reason)));
  };
  // The daemon and egress share a socket to save file descriptors.
  let servesEgress = false;
  const peers = byPeerKind({
    daemon: (socket) => void welcome(socket),
    wayOut: (socket) => (servesEgress ? gate.serve(socket, who) : void welcome(socket)),
  });
  const listening = opened.use(
    await listenOnUnixSocket(
      { temporaryName, maxConnections, path: join(mount, control), allowHalfOpen: true },
      peers.serve,
    ),
  );
  const egress = { path: join(mount, 'egress'), to: control, temporaryName };
  const takeEgress = async () => {
    servesEgress = true;
    await createSymlink(egress);
  };
  opened.defer(async () => {
    if (servesEgress && (await listening.isOurs())) await removeSymlink(egress);
  });
  const resources = opened.move();

  const lose = (reason: AppError) => {
    ready.reject(reason);
    idle.close(reason);
    lost.abort(reason);
  };
  return {
    ready: ready.promise,
    lost: lost.signal,
    lose,
    identify(as) {
      who = as;
    },
    takeEgress: inOrder(takeEgress),
    link(workdir, over = async () => {}) {
      const agent = new DaemonHttpAgent(idle, peers.asStream);
      const end = createLinkLifetime(lost.signal);
      return {
        ...{ agent, token, workdir, lost: end.lost },
        [Symbol.asyncDispose]: async () => {
          end.close();
          agent.destroy();
          await over();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      const closed = new AppError('sandbox_unavailable', 'The connection into the sandbox was closed.');
      ready.reject(closed);
      idle.close(closed);
      await resources.disposeAsync();
    },
  };
}

function inOrder(act: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.then(act, act);
    return last;
  };
}

const secondDaemon = {
  reason: 'second_daemon',
  call: 'control',
  detail: 'another process presented the token of a daemon that is still connected',
} as const;
const mismatch = (reason: string) =>
  `The sandbox's daemon cannot be used: ${reason}. Use an image that was built for this server.`;

async function write(path: string, text: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present === text) return;
  await writeFile(path, text);
  await chmod(path, 0o644); // `writeFile` applies the umask, but the sandbox's user must be able to read it
}

/** Waits for a sandbox that was just started. Rejects if the start fails. */
export async function waitForSandboxStart(end: SandboxEndpoint, signal: AbortSignal): Promise<void> {
  await raceAbort(end.ready, signal).catch((cause) => {
    if (cause.code !== 'sandbox_lost') throw cause;
    throw new AppError('sandbox_unavailable', `The sandbox did not start. ${cause.publicMessage}`, { cause });
  });
}

/** Waits for a sandbox that was already running. Rejects with sandbox_not_found if the sandbox is lost. */
export async function waitUntilReachable(end: SandboxEndpoint, signal: AbortSignal): Promise<void> {
  await raceAbort(end.ready, signal).catch((cause) => {
    if (cause.code !== 'sandbox_lost') throw cause;
    throw new AppError('sandbox_not_found', cause.publicMessage, { cause });
  });
}

export async function waitForReachableLink(link: SandboxLink, reached: Promise<void>): Promise<SandboxLink> {
  try {
    await reached;
    return link;
  } catch (thrown) {
    await link[Symbol.asyncDispose]();
    throw thrown;
  }
}

import { chmod, readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../../src/core/errors.ts';
import type { IdSource } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { untrusted } from '../../src/core/untrusted.ts';
import type { EgressGate, SandboxLink } from '../driver.ts';
import { DaemonAgent } from './daemon-agent.ts';
import type { Meta } from './folders.ts';
import { greet } from './hello.ts';
import { IdleConnections } from './idle-connections.ts';
import { within } from './joined.ts';
import { clearDead, listenUnix } from './listen.ts';
import { OneDaemon } from './one-daemon.ts';
import { point, unpoint } from './pointer.ts';
import { takeToken } from './token.ts';
import { mostEach, toldApart } from './told-apart.ts';

export interface EndOptions {
  readonly gate: EgressGate;
  readonly ids: IdSource;
  /** Where several servers share the folders, each listens on `control.<replica>`. */
  readonly replica: string | undefined;
  /** PEM text of the authorities that the sandbox shall trust, as `ca.pem` beside the sockets. */
  readonly caBundle: string | undefined;
  /** A connection that was not let in, and why; for the operator's log. */
  readonly onRefused: ((from: Meta, reason: string) => void) | undefined;
}

export type Identity = Pick<Meta, 'id' | 'sessionId'>;

/** The server's end of one sandbox: the socket it listens on, to which `egress` leads at one owner alone, and the connections its daemon opened. */
export interface SandboxEnd extends AsyncDisposable {
  /** The first connection of the daemon. Rejects when it cannot be spoken with, or the sandbox is lost. */
  readonly ready: Promise<void>;
  readonly lost: AbortSignal;
  /** Whose it is now, where that is not what its folder says: it stood ready, and was claimed. */
  identify(as: Identity): void;
  /** Serves the way out, which whoever served it until now does no more. */
  takeEgress(): Promise<void>;
  /** `over`: it was given back. */
  link(workdir: string, over?: () => Promise<void>): SandboxLink;
  /** The sandbox is gone for good: every request and link hears of it. */
  lose(reason: AppError): void;
}

export async function openEnd(mount: string, meta: Meta, options: EndOptions): Promise<SandboxEnd> {
  const { gate, ids, replica, caBundle, onRefused } = options;
  let who: Identity = { id: meta.id, sessionId: meta.sessionId };
  const token = new Secret(meta.token);
  const idle = new IdleConnections();
  const one = new OneDaemon(() => idle.hasIdle);
  const lost = new AbortController();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // nobody may be waiting

  if (caBundle !== undefined) await write(join(mount, 'ca.pem'), caBundle);
  await using opened = new AsyncDisposableStack();
  const temporaryName = `.${ids.short().slice(0, 5)}`;
  if (replica !== undefined) await clearDead(mount);
  const control = replica === undefined ? 'control' : `control.${replica}`;
  const welcome = async (socket: Socket) => {
    const greeting = await greet(socket, token, () => takeToken(mount));
    if (greeting.kind === 'ok') {
      if (await one.isSecond(greeting.boot)) {
        socket.destroy();
        onRefused?.({ ...meta, ...who }, secondDaemon.detail);
        return lose(untrusted(secondDaemon)); // whichever of the two is the real one
      }
      idle.add(socket, greeting.sparing);
      return ready.resolve();
    }
    onRefused?.({ ...meta, ...who }, greeting.reason);
    if (greeting.kind === 'mismatch') ready.reject(new AppError('sandbox_unavailable', mismatch(greeting.reason)));
  };
  // Each socket that listens is an open file for as long as the sandbox lives, so one listens for both.
  let servesEgress = false;
  const dialled = toldApart({
    daemon: (socket) => void welcome(socket),
    wayOut: (socket) => (servesEgress ? gate.serve(socket, who) : void welcome(socket)),
  });
  const listening = opened.use(
    await listenUnix(
      { temporaryName, maxConnections: 2 * mostEach, path: join(mount, control), allowHalfOpen: true },
      dialled,
    ),
  );
  const egress = { path: join(mount, 'egress'), to: control, temporaryName };
  const takeEgress = async () => {
    servesEgress = true;
    await point(egress);
  };
  opened.defer(async () => {
    if (servesEgress && (await listening.isOurs())) await unpoint(egress); // else a successor's leads there too
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
      const agent = new DaemonAgent(idle);
      const link = { agent, token, workdir, lost: lost.signal };
      return {
        ...link,
        [Symbol.asyncDispose]: async () => {
          agent.destroy();
          await over();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      const closed = new AppError('sandbox_unavailable', 'The way into the sandbox was closed.');
      ready.reject(closed);
      idle.close(closed);
      await resources.disposeAsync();
    },
  };
}

/** Calls that come meanwhile wait for the one before. */
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
  if (present === text) return; // not again under a running sandbox
  await writeFile(path, text);
  await chmod(path, 0o644); // whatever the umask says: the sandbox's user must read it
}

/** Waits for the daemon of a sandbox that was just started. */
export async function started(end: SandboxEnd, signal: AbortSignal): Promise<void> {
  await within(end.ready, signal).catch((cause) => {
    if (cause.code !== 'sandbox_lost') throw cause;
    throw new AppError('sandbox_unavailable', `The sandbox did not start. ${cause.publicMessage}`, { cause });
  });
}

/** Waits for the daemon of a sandbox that ran before this server knew it. */
export async function reachable(end: SandboxEnd, signal: AbortSignal): Promise<void> {
  await within(end.ready, signal).catch((cause) => {
    if (cause.code !== 'sandbox_lost') throw cause;
    throw new AppError('sandbox_not_found', cause.publicMessage, { cause });
  });
}

export async function unlessUnreachable(link: SandboxLink, reached: Promise<void>): Promise<SandboxLink> {
  try {
    await reached;
    return link;
  } catch (thrown) {
    await link[Symbol.asyncDispose]();
    throw thrown;
  }
}

import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { combineSignals, raceAbort, sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { makeFolders } from '../files/byte-names.ts';
import { createDirectSocket, type DirectSocket } from '../server/direct-socket.ts';
import type { DaemonState } from '../shared-state.ts';
import { startDesktopProcess } from './child-process.ts';
import type { DesktopPrograms } from './programs.ts';
import type { RunningProgram } from './service.ts';
import { connectDisplay, type X11Connection } from './x11.ts';

/** Folder of the displays' sockets: `X100` belongs to display `:100`. */
const displaySockets = '/tmp/.X11-unix';
const [least, beyond] = [100, 10_000] as const;
const attempts = 1_000;

/** Random, because concurrent starts would all choose the first free number. */
export async function findUnusedDisplayNumber(folder = displaySockets): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const taken = new Set(names);
  let number = randomInt(least, beyond);
  for (let left = attempts; left > 0 && taken.has(`X${number}`); left--) number = randomInt(least, beyond);
  return number;
}

export interface Display {
  readonly env: Readonly<Record<string, string>>;
  readonly connection: X11Connection;
  viewer(): Promise<Socket>;
}
export interface DisplayOptions {
  readonly programs: DesktopPrograms;
  readonly width: number;
  readonly height: number;
  readonly clipboard: boolean;
}

const startMs = 20_000;
const connectAttempts = 100;
const connectPauseMs = 20;
const greetingMs = 2_000;

/** Starts an Xvnc that is reachable only through two Unix sockets. */
export async function startDisplay(
  { keepers, stateDir, screenDir, place }: DaemonState,
  env: Readonly<Record<string, string>>,
  options: DisplayOptions,
  signal: AbortSignal,
): Promise<RunningProgram<Display>> {
  const folder = join(stateDir, 'desktop');
  await makeFolders(folder, 0o700);
  const [socket, authority] = [join(screenDir ?? folder, 'vnc'), join(folder, 'authority')];
  const cookie = randomBytes(16);
  await writeFile(authority, authorityFile(cookie), { mode: 0o600 });
  await rm(socket, { force: true });

  const patience = combineSignals([signal, AbortSignal.timeout(startMs)]);
  const command = [
    options.programs.display,
    `:${await findUnusedDisplayNumber()}`,
    ...flags(options, { socket, authority, mode: screenDir === undefined ? '0600' : '0666' }),
  ];
  const xvnc = await startDesktopProcess(keepers, {
    command,
    cwd: place.root,
    env: { ...env, XAUTHORITY: authority },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    oomScore: 50,
    isPrompt: true,
  });
  try {
    const number = await firstLine(xvnc.process.stdio[3] as Readable, xvnc.died, patience);
    const own = { ...env, DISPLAY: `:${number}`, XAUTHORITY: authority };
    const connection = await connectDisplay({ socket: `${displaySockets}/X${number}`, cookie });
    await answersRfb(socket, patience);
    return {
      value: { env: own, connection, viewer: () => greeted(socket) },
      died: xvnc.died,
      async end() {
        connection[Symbol.dispose]();
        await xvnc.end();
        await rm(socket, { force: true });
        await rm(`${displaySockets}/X${number}`, { force: true }).catch(() => {});
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (thrown) {
    await xvnc.end();
    if (signal.aborted || thrown instanceof AppError) throw thrown;
    throw new AppError('sandbox_unavailable', `The display did not start: ${await xvnc.died}.`, { cause: thrown });
  }
}

interface Sockets {
  readonly socket: string;
  /**
   * `0666` if the server connects too, because it may run as another user. On the server's side, the parent of the
   * socket's folder keeps other users out.
   */
  readonly mode: '0600' | '0666';
  readonly authority: string;
}

function flags({ width, height, clipboard }: DisplayOptions, { socket, mode, authority }: Sockets): string[] {
  const shared = clipboard ? '1' : '0';
  return [
    ...['-displayfd', '3', '-nolisten', 'tcp', '-nolisten', 'local', '-auth', authority, '-extension', 'GLX'],
    // No password: only the sandbox's user and the server can reach the socket.
    ...['-rfbunixpath', socket, '-rfbunixmode', mode, '-rfbport', '-1', '-SecurityTypes', 'None', '-Log', '*:stderr:0'],
    ...['-geometry', `${width}x${height}`, '-depth', '24', '-AcceptSetDesktopSize=0', '-desktop', 'desktop'],
    ...['-AlwaysShared=1', '-DisconnectClients=0', '-UseBlacklist=0', '-noreset', '-s', '0', '-dpms'],
    ...[`-SendCutText=${shared}`, `-AcceptCutText=${shared}`, '-SendPrimary=0', '-SetPrimary=0'],
  ];
}

/** Encodes the cookie in Xauthority format, valid for any address and any display. */
function authorityFile(cookie: Buffer): Buffer {
  const field = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  const none = Buffer.alloc(0);
  return Buffer.concat([
    Buffer.from([255, 255]),
    ...[none, none, Buffer.from('MIT-MAGIC-COOKIE-1'), cookie].map(field),
  ]);
}

async function firstLine(stream: Readable, died: Promise<string>, signal: AbortSignal): Promise<number> {
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  stream.on('error', () => {});
  let end: string | undefined;
  void died.then((why) => {
    end = why;
  });
  while (!text.includes('\n')) {
    if (end !== undefined) throw new AppError('sandbox_unavailable', `The display did not start: ${end}.`);
    await sleep(5, signal);
  }
  return Number(text);
}

async function answersRfb(path: string, signal: AbortSignal): Promise<void> {
  const viewer = await opened(path, () => new Socket());
  viewer.on('error', () => {});
  try {
    await once(viewer, 'readable', { signal });
  } finally {
    viewer.destroy();
  }
}

/** Waits for the greeting, because a dying display accepts connections but drops them. */
async function greeted(path: string): Promise<DirectSocket> {
  const viewer = await opened(path, createDirectSocket);
  viewer.on('error', () => {});
  const patience = AbortSignal.timeout(greetingMs);
  const isSpoken = await raceAbort(viewer.spoken, patience).catch(() => true); // a slow display may just be busy
  if (!isSpoken) throw new AppError('sandbox_unavailable', 'The display does not answer.');
  return viewer;
}

/** Retries, because Xvnc accepts few simultaneous connections and briefly refuses others. */
async function opened<Made extends Socket>(path: string, make: () => Made): Promise<Made> {
  for (let left = connectAttempts; ; left--) {
    const socket = make();
    socket.connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (cause) {
      const isBusy = (cause as NodeJS.ErrnoException).code === 'EAGAIN';
      if (!isBusy || left === 0) throw new AppError('sandbox_unavailable', 'The display does not answer.', { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, connectPauseMs));
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { DesktopClient, DesktopStatus } from '../../../src/sandboxes/client/client.ts';
import { removeFolder } from '../stores/store.ts';
import { noDesktop } from './no-desktop.ts';

export interface TestDesktop extends AsyncDisposable {
  readonly client: DesktopClient;
  /** The environment for the test's X programs: `DISPLAY`. */
  readonly env: NodeJS.ProcessEnv;
  readonly socket: string;
  readonly streams: Set<Duplex>;
  /** Kills the display as the kernel would, then starts it again as a sandbox does. */
  crash(): Promise<void>;
}
const size = { width: 640, height: 480 };

/** This machine's Xvnc behind the client of a sandbox. The first use starts it. */
export async function testDesktop(display: number): Promise<TestDesktop> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-xvnc-'));
  const socket = join(folder, 'rfb');
  const streams = new Set<Duplex>();
  let child: ChildProcess | undefined;
  let starting: Promise<void> | undefined;
  let restarts = 0;
  let isCrashing = false;

  async function launch(): Promise<void> {
    const geometry = `${size.width}x${size.height}`;
    const screen = [`:${display}`, '-geometry', geometry, '-depth', '24', '-nolisten', 'tcp'];
    const rfb = [
      '-rfbunixpath',
      socket,
      '-rfbport',
      '-1',
      '-SecurityTypes',
      'None',
      '-AlwaysShared',
      '-UseBlacklist=0',
    ];
    const made = spawn('Xvnc', [...screen, ...rfb], { stdio: 'ignore' });
    child = made;
    made.once('exit', () => {
      if (child === made) child = undefined;
    });
    for (let tries = 0; ; tries++) {
      const probe = await reach(socket).catch(() => undefined);
      probe?.destroy();
      if (probe) return;
      if (tries > 200 || made.exitCode !== null) throw new Error('Xvnc did not start');
      await pause(25);
    }
  }
  const start = async () => {
    if (child && !starting) return;
    starting ??= launch().finally(() => {
      starting = undefined;
    });
    await starting;
  };
  const end = async () => {
    const made = child;
    if (!made) return;
    made.kill('SIGKILL');
    if (made.exitCode === null && made.signalCode === null) await once(made, 'exit');
    await rm(`/tmp/.X${display}-lock`, { force: true });
    await rm(`/tmp/.X11-unix/X${display}`, { force: true });
  };
  const status = async (): Promise<DesktopStatus> => ({
    state: isCrashing ? 'starting' : child ? 'running' : 'stopped',
    browser: 'stopped',
    ...size,
    restarts: { display: restarts, browser: 0 },
  });
  const client: DesktopClient = {
    ...noDesktop(),
    status,
    async start() {
      await start();
      return await status();
    },
    stop: end,
    async vnc() {
      await start();
      const stream = await reachPatiently(socket);
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      return stream;
    },
  };
  return {
    client,
    env: { ...process.env, DISPLAY: `:${display}` },
    socket,
    streams,
    async crash() {
      restarts++;
      isCrashing = true;
      await end();
      await start();
      isCrashing = false;
    },
    async [Symbol.asyncDispose]() {
      await end();
      await removeFolder(folder);
    },
  };
}

/** Retries EAGAIN: Xvnc has a short queue of waiting connections, and the kernel refuses the others. */
async function reachPatiently(path: string, tries = 100): Promise<Duplex> {
  try {
    return await reach(path);
  } catch (thrown) {
    if (tries === 0 || (thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
  }
  await pause(10);
  return await reachPatiently(path, tries - 1);
}

async function reach(path: string): Promise<Duplex> {
  const stream = connect(path);
  stream.on('error', () => {});
  await once(stream, 'connect');
  return stream;
}

/** The input events that the display gets from keyboards and mice, in the format of `xinput`. */
export async function listenToInput({ env }: Pick<TestDesktop, 'env'>): Promise<Disposable & { text(): string }> {
  const child = spawn('xinput', ['test-xi2', '--root'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await expect.poll(() => text).not.toBe(''); // xinput lists the devices first
  return { text: () => text, [Symbol.dispose]: () => void child.kill() };
}

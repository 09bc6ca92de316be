import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { combineSignals } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { makeFolders } from '../files/byte-names.ts';
import { scanProcesses } from '../processes/proc.ts';
import type { DaemonState } from '../shared-state.ts';
import { type BrowserPipe, createBrowserPipe } from './browser-pipe.ts';
import { startDesktopProcess } from './child-process.ts';
import type { DisplayOptions } from './display.ts';
import type { RunningProgram } from './service.ts';

export interface Browser {
  readonly pipe: BrowserPipe;
  /** Whether Chromium isolates pages with its own sandbox. */
  readonly isSandboxed: boolean;
}

export interface BrowserOptions extends DisplayOptions {
  readonly proxy: string | undefined;
  readonly memoryBytes: number | undefined;
}

const startMs = 30_000;
const roomySharedMemory = 128 * 1024 * 1024;
/** Maximum size of each file that pages can create: downloads, caches and shared memory. */
const maxFileBytes = 1024 * 1024 * 1024;
const browserScore = 100;

/** The debugging protocol uses a pipe, not a port. */
export async function startBrowser(
  { keepers, place }: DaemonState,
  env: Readonly<Record<string, string>>,
  { programs, width, height, proxy, memoryBytes }: BrowserOptions,
  signal: AbortSignal,
): Promise<RunningProgram<Browser>> {
  const profile = join(env.HOME ?? '/tmp', '.config', 'chromium');
  await makeFolders(profile);
  const [isSandboxed, hasRoom] = await Promise.all([hasUserNamespaces(), isRoomy('/dev/shm')]);
  const flags = [
    ...['--remote-debugging-pipe', `--user-data-dir=${profile}`, '--no-first-run', '--no-default-browser-check'],
    ...['--window-position=0,0', `--window-size=${width},${height}`, '--start-maximized', '--disable-gpu'],
    ...['--password-store=basic', '--disable-breakpad', '--disable-crash-reporter', '--disable-sync'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-domain-reliability'],
    ...['--disable-session-crashed-bubble', '--hide-crash-restore-bubble', '--renderer-process-limit=12'],
    '--disk-cache-size=33554432',
    ...['--force-color-profile=srgb', '--webrtc-ip-handling-policy=disable_non_proxied_udp'],
    ...(proxy === undefined ? [] : [`--proxy-server=${proxy}`]),
    ...(isSandboxed ? [] : ['--no-sandbox', '--disable-setuid-sandbox']),
    ...(hasRoom ? [] : ['--disable-dev-shm-usage']),
    'about:blank',
  ];
  const chromium = await startDesktopProcess(keepers, {
    command: [programs.browser, ...flags],
    cwd: place.root,
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    oomScore: browserScore,
    most: { fileBytes: maxFileBytes, dataBytes: memoryBytes && Math.floor((memoryBytes * 3) / 4) },
  });
  const [, , , input, output] = chromium.process.stdio;
  const pipe = createBrowserPipe(input as Writable, output as Readable);
  const end = async () => {
    pipe.close();
    await chromium.end();
  };
  const late = Promise.withResolvers<string>();
  const patience = combineSignals([signal, AbortSignal.timeout(startMs)]);
  patience.addEventListener('abort', () => late.resolve('it did not answer in time'), { once: true });
  const answer = pipe.answers().then((isThere) => (isThere ? undefined : chromium.died));
  const failure = await Promise.race([answer, chromium.died, late.promise]);
  if (failure !== undefined) {
    await end();
    throw new AppError('sandbox_unavailable', `The browser did not start: ${failure}.`);
  }
  dieFirst(chromium.process.pid ?? 0);
  return { value: { pipe, isSandboxed }, died: chromium.died, end };
}

/** Raises the OOM scores of all browser processes, because Chromium itself raises only its pages' scores. */
function dieFirst(session: number): void {
  for (const { pid } of scanProcesses().filter((proc) => proc.session === session)) {
    try {
      const file = `/proc/${pid}/oom_score_adj`;
      if (Number(readFileSync(file, 'latin1')) < browserScore) writeFileSync(file, String(browserScore));
    } catch {} // the process has ended
  }
}

/** Chromium's own sandbox needs user namespaces and does not run as root. */
async function hasUserNamespaces(): Promise<boolean> {
  if (process.getuid?.() === 0) return false;
  return await promisify(execFile)('unshare', ['--user', '--map-root-user', '--net', '--pid', '--fork', 'true']).then(
    () => true,
    () => false,
  );
}

async function isRoomy(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= roomySharedMemory;
}

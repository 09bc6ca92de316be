import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type BrowserPipe, createBrowserPipe } from '../../../sandbox-images/sandboxd/desktop/browser-pipe.ts';
import { validateResponseInTurn } from '../../../src/sandboxes/client/answers/validate-answer.ts';
import type { CdpMessage, DesktopClient } from '../../../src/sandboxes/client/client.ts';
import { removeFolder } from '../stores/store.ts';
import { type FakeSandbox, fakeSandbox } from './fake-sandbox.ts';
import { noDesktop } from './no-desktop.ts';

const args = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-popup-blocking',
  // Chromium's own window is not drawn by pages, each of which would be a process.
  '--disable-features=InitialWebUI,PreloadTopChromeWebUI,WebUIOmniboxPopup,WebUIReloadButton,WebUIToolbar',
  '--remote-debugging-pipe',
  '--window-size=1280,800',
  'about:blank',
];

/** Reads a message as the real client does, from a browser that is trusted. */
export async function readMessage(bytes: Buffer): Promise<CdpMessage> {
  const reply = await validateResponseInTurn('cdp', bytes);
  if (!reply.ok) throw new Error(reply.detail);
  return { kind: 'message', message: reply.value };
}

export interface PipedChromium extends AsyncDisposable {
  readonly sandbox: FakeSandbox;
  /** The workspace, to which downloads go. */
  readonly workdir: string;
  readonly starts: () => number;
  kill(): Promise<void>;
}

/** A fake sandbox whose desktop is this machine's headless Chromium, controlled through its pipe. */
export async function pipedChromium(): Promise<PipedChromium> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-chromium-'));
  let child: ChildProcess | undefined;
  let pipe: BrowserPipe | undefined;
  let starts = 0;

  function start(): BrowserPipe {
    if (pipe) return pipe;
    starts += 1;
    const profile = `--user-data-dir=${join(folder, 'profile')}`;
    const started = spawn('/usr/bin/chromium', [profile, ...args], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const made = createBrowserPipe(started.stdio[3] as Writable, started.stdio[4] as Readable);
    started.once('exit', () => {
      if (child === started) [child, pipe] = [undefined, undefined];
      made.close();
    });
    [child, pipe] = [started, made];
    return made;
  }
  async function kill(): Promise<void> {
    const ending = child;
    if (!ending) return;
    const gone = once(ending, 'exit');
    ending.kill('SIGKILL');
    await gone;
  }
  const state = () => ({
    state: 'running' as const,
    browser: child ? ('running' as const) : ('stopped' as const),
    width: 1280,
    height: 800,
    restarts: { display: 0, browser: Math.max(0, starts - 1) },
  });
  const desktop: DesktopClient = {
    ...noDesktop(),
    status: async () => state(),
    start: async () => state(),
    stop: kill,
    cdp: () => start().open(() => {}),
    cdpMessage: readMessage,
    restartBrowser: kill,
  };
  const sandbox: FakeSandbox = Object.assign(fakeSandbox(), { desktop, workdir: folder });
  return {
    sandbox,
    workdir: folder,
    starts: () => starts,
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      await removeFolder(folder);
    },
  };
}

import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError, toAppError } from '../../../src/core/errors/errors.ts';
import type { Desktop } from '../daemon.ts';
import type { DaemonState } from '../shared-state.ts';
import { createOperationVariables } from '../shells/environment.ts';
import { markTerminalsOpened } from '../shells/recover.ts';
import { parseScreenAction } from './action-fields.ts';
import { performScreenAction } from './actions.ts';
import { type Browser, type BrowserOptions, startBrowser } from './browser.ts';
import { startDesktopProcess } from './child-process.ts';
import { type Display, startDisplay } from './display.ts';
import { readPointer, takeScreenshot } from './screen.ts';
import { programStoppedMessage, type RunningProgram, superviseProgram } from './service.ts';

async function startWindows(
  { keepers, place }: DaemonState,
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<RunningProgram<void>> {
  const config = join(dirname(env.XAUTHORITY ?? place.root), 'windows.xml');
  await writeFile(config, rules);
  const openbox = await startDesktopProcess(keepers, {
    command: [program, '--sm-disable', '--config-file', config],
    cwd: place.root,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    oomScore: 50,
    isPrompt: true,
  });
  return { value: undefined, died: openbox.died, end: openbox.end };
}

const rules = `<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
  <theme><name>Clearlooks</name><titleLayout>LC</titleLayout></theme>
  <desktops><number>1</number></desktops>
  <keyboard>
    <rebindOnMappingNotify>no</rebindOnMappingNotify>
    <keybind key="A-F4"><action name="Close"/></keybind>
    <keybind key="A-Tab"><action name="NextWindow"/></keybind>
  </keyboard>
  <mouse>
    <context name="Client"><mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind></context>
    <context name="Titlebar">
      <mousebind button="Left" action="Drag"><action name="Move"/></mousebind>
      <mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
    </context>
    <context name="Close"><mousebind button="Left" action="Click"><action name="Close"/></mousebind></context>
  </mouse>
  <applications><application class="*" type="normal"><maximized>yes</maximized></application></applications>
</openbox_config>
`;

export interface DesktopOptions extends BrowserOptions {
  /** Idle timeout, in ms, after which the desktop stops. 0: never. */
  readonly idleMs: number;
  /** A browser that takes longer to open a debugging connection is restarted. */
  readonly hungMs: number;
}

const maxViewers = 32;
const viewerAttempts = 5;
const viewerPauseMs = 100;

export function createDesktop(parts: DaemonState, options: DesktopOptions): Desktop {
  const { clock } = parts;
  const { width, height, programs } = options;
  const env = { ...parts.env, ...createOperationVariables('desktop', undefined), CORRAL_MARK: 'desktop' };
  const viewers = new Set<Duplex>();
  let restarts = { display: 0, browser: 0 };
  let lastFailure: string | undefined;
  let isSandboxed: boolean | undefined;
  let usedAt = clock.now();
  let idleCheck: unknown;
  let turn: Promise<unknown> = Promise.resolve();

  const failed = (why: string) => {
    lastFailure = why;
    process.stderr.write(`sandboxd: the desktop: ${why}\n`);
  };
  const display = superviseProgram<Display>({
    clock,
    async start(signal) {
      await markTerminalsOpened(parts.stateDir);
      return await startDisplay(parts, env, options, signal);
    },
    async died(why) {
      restarts = { ...restarts, display: restarts.display + 1 };
      failed(why);
      await Promise.all([windows.stop(), browser.stop()]);
    },
    back: () => light(),
  });
  const windows = superviseProgram<void>({
    clock,
    start: async (signal) => await startWindows(parts, programs.windows ?? '', (await display.get(signal)).env),
    died: (why) => {
      if (display.state === 'running') failed(why);
    },
  });
  const browser = superviseProgram<Browser>({
    clock,
    async start(signal) {
      const running = await startBrowser(parts, (await display.get(signal)).env, options, signal);
      isSandboxed = running.value.isSandboxed;
      return running;
    },
    died(why) {
      if (display.state !== 'running') return;
      restarts = { ...restarts, browser: restarts.browser + 1 };
      failed(why);
    },
  });

  function light(): void {
    for (const requested of programs.windows === undefined ? [browser] : [windows, browser]) {
      if (requested.state !== 'stopped') continue;
      requested.get().catch((thrown) => {
        const { publicMessage } = toAppError(thrown);
        if (publicMessage !== programStoppedMessage) failed(publicMessage);
      });
    }
  }

  async function on(): Promise<Display> {
    if (display.state === 'stopped') {
      restarts = { display: 0, browser: 0 };
      lastFailure = undefined;
      watchIdle();
    }
    const shown = await display.get();
    usedAt = clock.now(); // starting the display may take longer than the idle timeout
    light();
    return shown;
  }

  async function lookedAt(): Promise<Display> {
    const shown = await on();
    await browser.get().catch(() => {}); // the screen is empty until the browser runs
    return shown;
  }

  async function stop(): Promise<void> {
    clock.clearTimeout(idleCheck);
    await Promise.all([browser.stop(), windows.stop()]);
    await display.stop();
  }

  function watchIdle(): void {
    if (options.idleMs === 0) return;
    clock.clearTimeout(idleCheck);
    idleCheck = clock.setTimeout(() => {
      if (display.state === 'stopped') return;
      const isIdle = display.state === 'running' && viewers.size === 0;
      if (isIdle && clock.now() - usedAt >= options.idleMs) void stop();
      else watchIdle();
    }, options.idleMs / 4);
  }

  function admit(): void {
    if (viewers.size < maxViewers) return;
    throw new AppError('conflict', `There are already ${maxViewers} viewers, the maximum.`);
  }
  function seated(viewer: Duplex): Duplex {
    viewers.add(viewer);
    viewer.once('close', () => viewers.delete(viewer));
    return viewer;
  }

  async function connected(): Promise<Duplex> {
    for (let left = viewerAttempts; ; left--) {
      try {
        return await (await on()).viewer();
      } catch (thrown) {
        if (left === 0) throw thrown;
      }
      await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), viewerPauseMs));
    }
  }

  async function attached(unwanted: AbortSignal): Promise<Duplex> {
    for (let left = viewerAttempts; ; left--) {
      const { pipe } = await browser.get();
      try {
        return await pipe.open(() => (usedAt = clock.now()));
      } catch (thrown) {
        if (left === 0 || unwanted.aborted) throw thrown;
      }
      await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), viewerPauseMs));
    }
  }

  /** Undefined: the browser is considered hung. */
  async function inTime(open: (unwanted: AbortSignal) => Promise<Duplex>): Promise<Duplex | undefined> {
    const late = new AbortController();
    const opening = open(late.signal);
    const patience = sleep(options.hungMs, late.signal, clock).catch(() => {});
    try {
      const stream = await Promise.race([opening, patience]);
      if (!stream) opening.then((unwanted) => unwanted.destroy()).catch(() => {});
      return stream ?? undefined;
    } finally {
      late.abort();
    }
  }

  return {
    status: () => ({
      state: display.state,
      browser: browser.state === 'running' ? 'running' : 'stopped',
      width,
      height,
      restarts,
      ...(lastFailure === undefined ? {} : { lastFailure }),
      ...(isSandboxed === undefined ? {} : { browserSandbox: isSandboxed }),
    }),
    async start() {
      await on();
      return this.status();
    },
    stop,
    async vnc() {
      admit();
      return seated(await connected());
    },
    async watch() {
      admit();
      await on();
      return seated(silence());
    },
    async cdp() {
      await on();
      for (let left = 1; ; left--) {
        const stream = await inTime(attached);
        if (stream) return stream;
        if (left === 0) throw new AppError('sandbox_unavailable', 'The browser does not answer.');
        browser.giveUp('the browser hung');
      }
    },
    async restartBrowser() {
      await browser.stop();
      if (viewers.size > 0) light();
    },
    screenshot: async () => await takeScreenshot((await lookedAt()).connection),
    async act(action) {
      const requested = parseScreenAction(action, { width, height });
      const { connection } = await lookedAt();
      const mine = turn.then(() => performScreenAction(connection, requested));
      turn = mine.catch(() => {});
      await mine;
    },
    async pointer() {
      const { x, y } = await readPointer((await on()).connection);
      return { x, y };
    },
  };
}

const silence = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });

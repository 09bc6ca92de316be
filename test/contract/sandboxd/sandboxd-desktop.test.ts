// @module-tag all
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DesktopClient, ScreenAction } from '../../../src/sandboxes/client/client.ts';
import { cdp } from '../../support/clients/cdp.ts';
import { readPng } from '../../support/png.ts';
import { type RealSandboxd, realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { needs } from '../../support/servers/components.ts';

const soon = (ms = 90_000) => AbortSignal.timeout(ms);
const patience = { interval: 50 };
const html = (body: string) =>
  `data:text/html;charset=utf-8,${encodeURIComponent(`<!doctype html><meta charset=utf-8>${body}`)}`;
/** Writes its events to `log`, and to `painted` once it is on the screen: earlier clicks can miss it. */
const listening =
  html(`<body style="margin:0;background:#12ab56;user-select:none"><textarea id=t style="width:600px;height:300px"></textarea>
  <script>log=[];for(const kind of ['mousedown','mouseup','mousemove','dblclick','contextmenu','wheel','keydown','keyup'])
  addEventListener(kind,e=>log.push([kind,e.key??e.button,e.clientX,e.clientY,e.buttons,Math.sign(e.deltaY??0)].join(' ')),true);
  oncontextmenu=()=>false;requestAnimationFrame(()=>requestAnimationFrame(()=>painted=true))</script>`);
const isPainted = 'globalThis.painted && document.hasFocus() && document.visibilityState';

// Each test goes on with the desktop of the one before.
describe('the desktop', () => {
  let box: RealSandboxd;
  let desktop: DesktopClient;
  const act = (action: ScreenAction) => desktop.act(action, soon());
  const left = async () => (await box.client.processes(soon())).map(({ cmd }) => cmd.slice(0, 80));
  const alive = async () => (await box.client.exec({ command: 'echo here' }, soon())).stdout;
  /** The desktop's process whose command line has this beginning. */
  async function pidOf(program: string): Promise<number> {
    const all = await box.client.processes(soon());
    const found = all.find(({ cmd }) => cmd.startsWith(program) && !cmd.includes('--type='));
    if (!found) throw new Error(`${program} does not run`);
    return found.pid;
  }
  /** The page of `listening`, once it is on the screen. */
  async function shownPage() {
    const { page } = cdp(await desktop.cdp(soon()));
    const { evaluate } = await page(listening);
    await expect.poll(() => evaluate(isPainted), patience).toBe('visible');
    return evaluate;
  }
  const browser = '/usr/lib/chromium/chromium';
  const display = '/usr/bin/Xvnc';
  const running = async () => {
    await desktop.start(soon());
    await expect.poll(async () => (await desktop.status(soon())).browser, patience).toBe('running');
  };

  beforeAll(async () => {
    box = await realSandboxd();
    desktop = box.client.desktop;
  });
  afterAll(() => box[Symbol.asyncDispose]());
  beforeEach(async (context) => await needs(context, 'desktop'));

  test('an unused desktop runs no process, and its state is stopped', async () => {
    expect(await desktop.status(soon())).toMatchObject({ state: 'stopped', browser: 'stopped', width: 1280 });
    expect(await left()).toEqual([]);
  });

  test('a viewer starts it and receives RFB, from a display without any port', async () => {
    const viewer = await desktop.vnc(soon());
    expect(String(await once(viewer, 'data', { signal: soon() }))).toBe('RFB 003.008\n');
    const command = `ls -l /proc/${await pidOf(display)}/fd; ss -ltnp || true`;
    const { stdout } = await box.client.exec({ command }, soon());
    expect(stdout).toContain('socket:');
    expect(stdout).not.toMatch(/LISTEN.*(Xvnc|chromium)/);
    viewer.destroy();
  });

  test('F127 a viewer that sends garbage is alone in being thrown out', async () => {
    const [good, bad] = [await desktop.vnc(soon()), await desktop.vnc(soon())];
    await Promise.all([once(good, 'data', { signal: soon() }), once(bad, 'data', { signal: soon() })]);
    bad.on('data', () => {});
    bad.write(Buffer.alloc(64 * 1024, 0xee));
    await once(bad, 'close', { signal: soon() });
    good.write('RFB 003.008\n');
    expect([...((await once(good, 'data', { signal: soon() }))[0] as Buffer)]).toEqual([1, 1]); // one security type: None
    good.destroy();
    expect(await desktop.status(soon())).toMatchObject({ state: 'running', restarts: { display: 0 } });
  });

  test('a screenshot shows the page, pixel by pixel', async () => {
    const { page } = cdp(await desktop.cdp(soon()));
    await page(listening);
    await expect
      .poll(async () => readPng(await desktop.screenshot(soon())).at(900, 700), patience)
      .toEqual([0x12, 0xab, 0x56]);
    expect(readPng(await desktop.screenshot(soon()))).toMatchObject({ width: 1280, height: 800 });
  });

  test('text arrives as it is typed: capitals, lines, accents, other scripts, emoji', async () => {
    const evaluate = await shownPage();
    await act({ kind: 'click', x: 300, y: 250, button: 'left', count: 1 });
    const many = Array.from({ length: 60 }, (_, at) => String.fromCodePoint(0x4e00 + 37 * at)).join('');
    const text = `Hello, World! {a} "b" ~ \\ @\nzweite Zeile: äöüß ñ €\n你好，世界 こんにちは мир 🎉🚀\n${many}`;
    await act({ kind: 'type', text });
    await expect.poll(() => evaluate('t.value'), patience).toBe(text);
  });

  test('the mouse moves, clicks, clicks twice, drags and scrolls, and keys are held', async () => {
    const evaluate = await shownPage();
    await act({ kind: 'move', x: 800, y: 600 });
    expect(await desktop.pointer(soon())).toEqual({ x: 800, y: 600 });
    await act({ kind: 'click', x: 900, y: 600, button: 'right', count: 1 });
    await act({ kind: 'click', x: 900, y: 700, button: 'left', count: 2 });
    const [x, y] = [700, 500];
    await act({
      kind: 'drag',
      path: [
        { x, y },
        { x: x + 100, y: y + 20 },
      ],
    });
    const log = async () => ((await evaluate('log.join("\\n")')) as string).split('\n');
    // The browser can merge wheel turns into one event, so the test waits for each direction and scrolls farther up
    // than down.
    await act({ kind: 'scroll', x: 900, y: 600, dx: 0, dy: 2 });
    await expect.poll(log, patience).toContainEqual(expect.stringMatching(/^wheel.* 1$/));
    await act({ kind: 'scroll', x: 900, y: 600, dx: 0, dy: -3 });
    await expect.poll(log, patience).toContainEqual(expect.stringMatching(/^wheel.* -1$/));
    await act({ kind: 'key', keys: 'shift+a', holdMs: 50 });
    await expect.poll(log, patience).toContainEqual(expect.stringMatching(/^keyup Shift/));
    const lines = await log();
    const some = (form: RegExp) => lines.filter((line) => form.test(line)).length;
    expect([some(/^contextmenu/), some(/^dblclick/)]).toEqual([1, 1]);
    // With the button pressed. The browser merges all moves between two frames into one event, and a busy one shows few
    // frames.
    expect(some(/^mousemove 0 \d+ \d+ 1/)).toBeGreaterThan(0);
    const keys = lines.flatMap((line) => /^key(?:down|up) [SA]\w*/.exec(line) ?? []);
    expect(keys).toEqual(['keydown Shift', 'keydown A', 'keyup A', 'keyup Shift']);
  });

  test('an action that cannot be done is refused, with what is wrong', async () => {
    const expected = { code: 'invalid_request', message: expect.stringContaining('1280 by 800') };
    await expect(act({ kind: 'move', x: 1280, y: 0 })).rejects.toMatchObject(expected);
  });

  test('a new client of the browser dismisses the old one, and finds a browser that nobody is attached to', async () => {
    const first = cdp(await desktop.cdp(soon()));
    await first.ask('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: true, flatten: true });
    await first.page('about:blank#one');
    const second = cdp(await desktop.cdp(soon()));
    await first.closed;
    // A page that waits for its first debugger never loads.
    const { evaluate } = await second.page(html('<title>two</title>'));
    await expect.poll(() => evaluate('document.title'), patience).toBe('two');
    await second.ask('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });
    expect(second.events.map(({ params }) => params?.targetInfo?.url ?? '')).toContain('about:blank#one');
  });

  test('the browser can be ended, and the next client has a fresh one', async () => {
    const first = cdp(await desktop.cdp(soon()));
    await first.page('about:blank#old');
    await desktop.restartBrowser(soon());
    await first.closed;
    const second = cdp(await desktop.cdp(soon()));
    expect(await second.urls()).not.toContain('about:blank#old');
    expect((await desktop.status(soon())).restarts.browser).toBe(0); // a requested restart is not counted
  });

  test('F126 a page that crashes takes only itself along', async () => {
    const client = cdp(await desktop.cdp(soon()));
    const other = await client.page('about:blank#other');
    await client.page('about:blank').then(
      ({ ask }) => ask('Page.navigate', { url: 'chrome://crash' }).catch(() => {}),
      () => {},
    );
    expect(await other.evaluate('location.hash')).toBe('#other');
    expect((await desktop.status(soon())).restarts.browser).toBe(0);
  });

  test('F126 many tabs open and close, and the shell is there all the time', async () => {
    const client = cdp(await desktop.cdp(soon()));
    const pages = Array.from({ length: 8 }, (_, at) => client.page(html(`<title>tab ${at}</title>`)));
    for (const page of await Promise.all(pages))
      await expect.poll(() => page.evaluate('document.title'), patience).toMatch(/^tab/);
    expect(await alive()).toBe('here\n');
  });

  test('F126 a browser that is killed ends its stream, is counted, and comes back', async () => {
    const client = cdp(await desktop.cdp(soon()));
    process.kill(await pidOf(browser), 'SIGKILL');
    await client.closed;
    const again = cdp(await desktop.cdp(soon()));
    await again.ask('Browser.getVersion');
    expect(await desktop.status(soon())).toMatchObject({
      state: 'running',
      restarts: { browser: 1, display: 0 },
      lastFailure: expect.stringContaining('SIGKILL'),
    });
    expect(await alive()).toBe('here\n');
  });

  test('stopping it leaves no process, and it starts again', async () => {
    await running();
    await desktop.stop(soon());
    expect([await left(), (await desktop.status(soon())).state]).toEqual([[], 'stopped']);
    await desktop.stop(soon());
    expect((await desktop.start(soon())).state).toBe('running');
  });

  test('F127 a display that is killed takes its viewers along, and comes back with a browser', async () => {
    const viewer = await desktop.vnc(soon());
    viewer.on('data', () => {});
    await running();
    process.kill(await pidOf(display), 'SIGKILL');
    await once(viewer, 'close', { signal: soon() });
    const again = await desktop.vnc(soon());
    expect(String(await once(again, 'data', { signal: soon() }))).toBe('RFB 003.008\n');
    again.destroy();
    await expect
      .poll(async () => await desktop.status(soon()), patience)
      .toMatchObject({
        state: 'running',
        browser: 'running',
        restarts: { display: 1, browser: 0 },
        lastFailure: expect.stringContaining('Xvnc'),
      });
    expect(await alive()).toBe('here\n');
  });

  test('F127 the daemon allows at most 32 viewers', async () => {
    const viewers = await Promise.all(Array.from({ length: 32 }, () => desktop.vnc(soon())));
    await expect(desktop.vnc(soon())).rejects.toMatchObject({ code: 'conflict' });
    for (const viewer of viewers) viewer.destroy();
    await expect.poll(() => desktop.vnc(soon()).then((viewer) => void viewer.destroy()), patience).toBeUndefined();
  });
});

test('F126 a browser that hangs is replaced for the next client', { tags: ['nightly'] }, async (context) => {
  await needs(context, 'desktop');
  // the next browser has no more time to start, either
  await using box = await realSandboxd({ CORRAL_DESKTOP_HUNG_MS: '15000' });
  const { desktop } = box.client;
  const first = cdp(await desktop.cdp(soon()));
  await first.page('about:blank#hung');
  const all = await box.client.processes(soon());
  const pid = all.find(({ cmd }) => cmd.includes('--remote-debugging-pipe') && !cmd.includes('--type='))?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  const second = cdp(await desktop.cdp(soon()));
  expect(await second.urls()).not.toContain('about:blank#hung');
  expect(await desktop.status(soon())).toMatchObject({ restarts: { browser: 1 }, lastFailure: 'the browser hung' });
});

test('a desktop that nobody uses is stopped after the time that is set', async (context) => {
  await needs(context, 'desktop');
  await using box = await realSandboxd({ CORRAL_DESKTOP_IDLE_MS: '1000' });
  const { desktop } = box.client;
  await desktop.start(soon());
  await expect.poll(async () => (await desktop.status(soon())).state, patience).toBe('stopped');
  await expect.poll(() => box.client.processes(soon()), patience).toEqual([]);
});

test('a daemon that is killed takes its desktop along, and the next one starts afresh', async (context) => {
  await needs(context, 'desktop');
  await using box = await realSandboxd();
  const { desktop } = box.client;
  await desktop.start(soon());
  process.kill(await box.daemonPid(), 'SIGKILL');
  await expect.poll(async () => (await desktop.status(soon())).state, patience).toBe('stopped');
  await expect.poll(() => box.client.processes(soon()), patience).toEqual([]);
  expect((await desktop.start(soon())).state).toBe('running');
});

test('a sandbox that is to have no desktop says so, to every call', async () => {
  await using box = await realSandboxd({ CORRAL_DESKTOP: 'off' });
  const { desktop } = box.client;
  expect((await desktop.status(soon())).state).toBe('unsupported');
  const calls = [desktop.start, desktop.vnc, desktop.cdp, desktop.screenshot, desktop.pointer, desktop.restartBrowser];
  for (const call of calls) await expect(call(soon())).rejects.toMatchObject({ code: 'unsupported' });
});

// @module-tag all
import { afterAll, expect, type TestContext, test } from 'vitest';
import { computer } from '../../../src/agents/tools/computer/claude.ts';
import type { ToolContext } from '../../../src/agents/tools/tool.ts';
import { toolBench } from '../../support/agents/tools.ts';
import { cdp } from '../../support/clients/cdp.ts';
import { readPng } from '../../support/png.ts';
import { needs } from '../../support/servers/components.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// An agent's actions on a real screen, and the events about that screen in the log.
const soon = () => AbortSignal.timeout(40_000);
const patience = { interval: 50 };
const page = `data:text/html;charset=utf-8,${encodeURIComponent(`<!doctype html><meta charset=utf-8>
<body style="margin:0;background:#12ab56;user-select:none"><textarea id=t style="width:600px;height:200px"></textarea>
<div style="position:absolute;left:1000px;top:300px;width:100px;height:100px;background:#c81e2d"></div>
<div id=s style="position:absolute;left:100px;top:300px;width:300px;height:200px;overflow:scroll"><p style="height:3000px"></div>
<script>log=[];for(const kind of ['mousedown','mouseup','dblclick','keydown'])
addEventListener(kind,e=>log.push([kind,e.key??e.button,e.clientX,e.clientY].join(' ')),true)</script>`)}`;

let server: ComposedServer | undefined;
afterAll(async () => await server?.[Symbol.asyncDispose]());

async function opened(context: TestContext) {
  await needs(context, 'bubblewrap');
  await needs(context, 'desktop');
  const settings = { CORRAL_DRIVER: 'process', CORRAL_SANDBOX_DESKTOP: 'true', CORRAL_SANDBOX_MEMORY: '2GiB' };
  server ??= await composedServer(settings);
  const { sessions } = server.core.services;
  const { id } = await sessions.create({ origin: 'sheikhbox' });
  const used = await server.core.engine.sandboxes.use(id, soon());
  const pictures: Buffer[] = [];
  const keepPicture: ToolContext['keepPicture'] = async ({ data, mimeType }) => {
    pictures.push(data);
    return { file: 'f', url: '/f', mimeType };
  };
  const { context: made } = toolBench();
  const facts = async () =>
    (await Array.fromAsync(sessions.history(id))).flatMap((event) => (event.type === 'desktop' ? [event.data] : []));
  return {
    id,
    facts,
    desktop: used.client.desktop,
    exec: async (command: string) => (await used.client.exec({ command }, soon())).stdout,
    act: async (args: object) => {
      const result = await computer.run(made({ sandbox: used.client, keepPicture }), args);
      expect(result.ok, result.output).toBe(true);
      return result.output;
    },
    picture: () => readPng(pictures.at(-1) as Buffer),
    async [Symbol.asyncDispose]() {
      await used[Symbol.asyncDispose]();
      await sessions.delete(id);
    },
  };
}

test('the computer tool clicks, types any script, drags, scrolls, presses and zooms on a real screen', {
  tags: ['nightly'],
}, async (context) => {
  await using it = await opened(context);
  // On a busy machine the first browser can take longer to start than a call waits for it.
  let stream: Awaited<ReturnType<typeof it.desktop.cdp>> | undefined;
  const dial = async () => {
    stream = await it.desktop.cdp(soon()).catch(() => undefined);
    return stream !== undefined;
  };
  await expect.poll(dial).toBe(true);
  const { evaluate } = await cdp(stream as NonNullable<typeof stream>).page(page);
  await expect.poll(() => evaluate('document.hasFocus() && typeof log'), patience).toBe('object');
  /** The height of the browser's bars: a point of the page is that much lower on the screen. */
  const inset = Number(await evaluate('outerHeight - innerHeight'));
  const at = (x: number, y: number) => [x, y + inset];

  await it.act({ action: 'left_click', coordinate: at(300, 100) });
  const text = 'Grüße, 世界 🎉\nline two';
  await it.act({ action: 'type', text });
  await expect.poll(() => evaluate('t.value'), patience).toBe(text);
  await it.act({ action: 'key', text: 'ctrl+a' });
  await it.act({ action: 'key', text: 'BackSpace' });
  await expect.poll(() => evaluate('t.value'), patience).toBe('');

  await it.act({ action: 'double_click', coordinate: at(800, 400) });
  await it.act({ action: 'left_click_drag', start_coordinate: at(700, 400), coordinate: at(900, 500) });
  await it.act({ action: 'scroll', coordinate: at(200, 400), scroll_direction: 'down', scroll_amount: 3 });
  const expected = ['dblclick 0 800 400', 'mousedown 0 700 400', 'mouseup 0 900 500'];
  await expect.poll(() => evaluate('log'), patience).toEqual(expect.arrayContaining(expected));
  await expect.poll(() => evaluate('s.scrollTop'), patience).toBeGreaterThan(100);

  await it.act({ action: 'screenshot' });
  expect([it.picture().width, it.picture().height]).toEqual([1280, 800]);
  await it.act({ action: 'mouse_move', coordinate: at(1200, 600) });
  expect(it.picture().at(1050, 350 + inset)).toEqual([0xc8, 0x1e, 0x2d]);
  await it.act({ action: 'zoom', region: [...at(1000, 300), ...at(1100, 400)] });
  const { width, height } = it.picture();
  expect(it.picture().at(width >> 1, height >> 1)).toEqual([0xc8, 0x1e, 0x2d]);
  expect(it.picture().at(5, 5)).toEqual([0xc8, 0x1e, 0x2d]); // the square fills the whole picture
});

test('F126 F127 the log records that a tool started the desktop, and that its browser and its display were killed', {
  tags: ['nightly'],
}, async (context) => {
  await using it = await opened(context);
  await it.act({ action: 'screenshot' });
  await expect.poll(it.facts, patience).toEqual([{ kind: 'started', detail: 'The desktop runs, 1280 × 800.' }]);
  const reported = async () => (await it.facts()).slice(1).map(({ kind, detail }) => `${kind}: ${detail}`);
  const browser = async () => (await it.desktop.status(soon())).browser;
  await expect.poll(browser, patience).toBe('running');
  await it.exec('pkill -KILL -f remote-debugging-pipe');
  await expect.poll(reported, patience).toEqual([expect.stringMatching(/^restarted: chromium.* SIGKILL/)]);
  await it.exec('pkill -KILL -f "X(tiger)?vnc"');
  await expect.poll(async () => (await reported()).at(-1), patience).toMatch(/^restarted: X(tiger)?vnc.* SIGKILL/);
  await it.act({ action: 'screenshot' }); // the session continues
  await it.desktop.stop(soon());
  await expect.poll(async () => (await reported()).at(-1), patience).toBe('stopped: The desktop was stopped.');
});

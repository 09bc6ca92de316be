import { expect, test } from 'vitest';
import type { AgentBrowser } from '../../../../../src/agents/browser/browser.ts';
import { claudeComputerTool } from '../../../../../src/agents/tools/computer/claude.ts';
import { geminiComputerTools } from '../../../../../src/agents/tools/computer/gemini.ts';
import { encodeRasterPng } from '../../../../../src/agents/tools/computer/png.ts';
import type { Tool, ToolContext } from '../../../../../src/agents/tools/tool.ts';
import type { DesktopClient, ScreenAction } from '../../../../../src/sandboxes/client/client.ts';
import { toolBench } from '../../../../support/agents/tools.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';
import { readPng } from '../../../../support/png.ts';

const size = { width: 2560, height: 1600 };
const screen = encodeRasterPng({ ...size, rgba: Buffer.alloc(size.width * size.height * 4) });

/** A desktop twice as large as the model sees it; records the actions. */
function bench(browser?: AgentBrowser) {
  const done: ScreenAction[] = [];
  const seen: Buffer[] = [];
  const waits: string[] = [];
  const { context, sandbox } = toolBench();
  const clock = manualClock();
  const desktop = {
    start: async () => size,
    screenshot: async () => screen,
    pointer: async () => ({ x: 200, y: 100 }),
    act: async (action: ScreenAction) => void done.push(action),
  } as unknown as DesktopClient;
  const more: Partial<ToolContext> = {
    clock,
    sandbox: { ...sandbox, desktop },
    ...(browser && { browser }),
    gate: async () => void waits.push('consent'),
    keepPicture: async ({ data, mimeType }) => {
      seen.push(data);
      return { file: 'f', url: '/f', mimeType };
    },
  };
  /** Time passes until the tool is done. */
  async function run(tool: Tool, args: unknown) {
    let isDone = false;
    const result = tool.run(context(more), args).finally(() => {
      isDone = true;
    });
    await clock.reaches(async () => isDone);
    return await result;
  }
  return { done, seen, waits, run };
}
const gemini = (name: string) => geminiComputerTools.find((tool) => tool.name === name) as Tool;

test("a result of Gemini's actions names the page on the screen, if there is one", async () => {
  const { run } = bench({ address: async () => 'https://example.test/' } as Partial<AgentBrowser> as AgentBrowser);
  expect(await run(gemini('click_at'), { x: 1, y: 1 })).toMatchObject({ page: 'https://example.test/' });
  const { run: without } = bench();
  expect(await without(gemini('click_at'), { x: 1, y: 1 })).not.toHaveProperty('page');
});

test('a screenshot has the size the model points in, and asks no leave', async () => {
  const { run, seen, waits } = bench();
  const result = await run(claudeComputerTool, { action: 'screenshot' });
  expect(result).toMatchObject({ ok: true, content: { screenshot: '/f' }, pictures: [{ file: 'f' }] });
  expect(readPng(seen[0] as Buffer)).toMatchObject({ width: 1280, height: 800 });
  expect(waits).toEqual([]);
});

test('input is scaled to the desktop, and waits for the one who holds the keyboard', async () => {
  const { run, done, waits } = bench();
  await run(claudeComputerTool, { action: 'double_click', coordinate: [100, 50] });
  expect([done, waits]).toEqual([[{ kind: 'click', button: 'left', count: 2, x: 200, y: 100 }], ['consent']]);
});

const drag = (...points: [x: number, y: number][]) => ({ kind: 'drag', path: points.map(([x, y]) => ({ x, y })) });
test.each([
  ['left_click_drag', { start_coordinate: [1, 2], coordinate: [3, 4] }, drag([2, 4], [6, 8])],
  [
    'scroll',
    { coordinate: [5, 5], scroll_direction: 'up', scroll_amount: 4 },
    { kind: 'scroll', x: 10, y: 10, dx: 0, dy: -4 },
  ],
  ['key', { text: 'ctrl+l' }, { kind: 'key', keys: 'ctrl+l' }],
  ['hold_key', { text: 'a', duration: 2 }, { kind: 'key', keys: 'a', holdMs: 2000 }],
  ['type', { text: 'hé' }, { kind: 'type', text: 'hé' }],
  ['left_mouse_down', {}, { kind: 'press', button: 'left' }],
])("Claude's %s %j does %j", async (name, args, action) => {
  const { run, done } = bench();
  expect(await run(claudeComputerTool, { action: name, ...args })).toMatchObject({ ok: true });
  expect(done).toEqual([action]);
});

test('a click with shift holds the key while it clicks', async () => {
  const { run, done } = bench();
  await run(claudeComputerTool, { action: 'left_click', coordinate: [1, 1], text: 'shift' });
  expect(done.map(({ kind }) => kind)).toEqual(['key', 'click']);
});

test('zoom shows a part as large as a screen', async () => {
  const { run, seen } = bench();
  await run(claudeComputerTool, { action: 'zoom', region: [0, 0, 640, 400] });
  expect(readPng(seen[0] as Buffer)).toMatchObject({ width: 1280, height: 800 });
  expect(await run(claudeComputerTool, { action: 'zoom' })).toMatchObject({ ok: false, reason: 'bad_arguments' });
});

test('the pointer is reported in the pixels of the screenshot', async () => {
  const { run } = bench();
  expect((await run(claudeComputerTool, { action: 'cursor_position' })).output).toContain('100, 50');
});

test.each([
  ['click_at', { x: 500, y: 250 }, [{ kind: 'click', button: 'left', count: 1, x: 1280, y: 400 }]],
  ['hover_at', { x: 1000, y: 0 }, [{ kind: 'move', x: 2559, y: 0 }]],
  ['key_combination', { keys: 'control+c' }, [{ kind: 'key', keys: 'control+c' }]],
  ['go_back', {}, [{ kind: 'key', keys: 'alt+Left' }]],
  ['drag_and_drop', { x: 0, y: 0, destination_x: 500, destination_y: 500 }, [drag([0, 0], [1280, 800])]],
  [
    'scroll_at',
    { x: 500, y: 500, direction: 'down', magnitude: 331 },
    [{ kind: 'scroll', x: 1280, y: 800, dx: 0, dy: 5 }],
  ],
] as const)("Gemini's %s %j does what it says", async (name, args, actions) => {
  const { run, done } = bench();
  expect(await run(gemini(name), args)).toMatchObject({ ok: true });
  expect(done).toEqual(actions);
});

test("Gemini's typing replaces what is there and presses Enter by default", async () => {
  const { run, done } = bench();
  await run(gemini('type_text_at'), { x: 0, y: 0, text: 'hi' });
  const kinds = done.map((it) => ('keys' in it ? it.keys : it.kind));
  expect(kinds).toEqual(['click', 'ctrl+a', 'BackSpace', 'type', 'Return']);
});

test('each computer tool reports a missing desktop', async () => {
  const taken = toolBench().run(claudeComputerTool, { action: 'screenshot' });
  await expect(taken).rejects.toMatchObject({ code: 'unsupported' });
});

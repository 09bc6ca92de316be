import { z } from 'zod';
import type { ScreenAction } from '../../../sandboxes/client/client.ts';
import { defineTool, type Tool, type ToolResult } from '../tool.ts';
import { badArgumentsResult, runOnDesktop, type ScaledDesktop, toPictureResult } from './scaled-desktop.ts';
import { type Point, type Size, toModelScreenSize } from './screen.ts';

// Uses the names and arguments of Claude's own computer tool.

const point = z.array(z.number()).length(2).describe('[x, y] in pixels of the screenshot');
const Args = z.object({
  action: z.enum([
    ...['screenshot', 'left_click', 'right_click', 'middle_click', 'double_click', 'triple_click', 'mouse_move'],
    ...['left_click_drag', 'left_mouse_down', 'left_mouse_up', 'scroll', 'type', 'key', 'hold_key', 'wait'],
    ...['cursor_position', 'zoom'],
  ] as [string, ...string[]]),
  coordinate: point.optional(),
  start_coordinate: point.optional().describe('where a drag begins'),
  text: z.string().max(10_000).optional().describe('what to type; the keys, such as ctrl+l; keys held during a click'),
  scroll_direction: z.enum(['up', 'down', 'left', 'right']).optional(),
  scroll_amount: z.int().min(0).max(100).optional().describe('notches of the wheel'),
  repeat: z.int().min(1).max(100).default(1).describe('how often to press the keys'),
  duration: z.number().min(0).max(30).optional().describe('seconds, of wait and hold_key'),
  region: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .optional()
    .describe('[x0, y0, x1, y1] to zoom into'),
});
type Args = z.output<typeof Args>;

export const claudeComputerTool = defineTool({
  name: 'computer',
  family: 'browser',
  group: 'browser',
  label: 'Use desktop',
  needs: ['desktop'],
  description:
    'Use the keyboard and mouse of the desktop, and look at its screen. Coordinates are pixels of the screenshot. ' +
    'Each action shows the screen as it is afterwards.',
  parameters: Args,
  async run(ctx, args) {
    const looks = args.action === 'screenshot' || args.action === 'zoom' || args.action === 'cursor_position';
    return await runOnDesktop(ctx, looks || args.action === 'wait' ? 'looks' : 'acts', async (desk) => {
      if (args.action === 'screenshot') return `The screen, ${desk.screen.width}×${desk.screen.height}.`;
      if (args.action === 'zoom') {
        const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = args.region ?? [];
        if (x1 <= x0 || y1 <= y0)
          return badArgumentsResult('zoom needs a region: [x0, y0, x1, y1], the second corner right below.');
        return await toPictureResult(
          ctx,
          'That part of the screen.',
          await desk.photograph({ from: { x: x0, y: y0 }, to: { x: x1, y: y1 } }),
        );
      }
      return await perform(desk, args);
    });
  },
});

export const createClaudeComputerTool = (desktop: Size): Tool => ({
  ...claudeComputerTool,
  native: { kind: 'computer', ...toModelScreenSize(desktop) },
});

const clicks: Readonly<Record<string, { button: 'left' | 'middle' | 'right'; count: number }>> = {
  left_click: { button: 'left', count: 1 },
  right_click: { button: 'right', count: 1 },
  middle_click: { button: 'middle', count: 1 },
  double_click: { button: 'left', count: 2 },
  triple_click: { button: 'left', count: 3 },
};
const pointOf = ([x = 0, y = 0]: readonly number[]): Point => ({ x, y });
const directions = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] } as const;

async function perform(desk: ScaledDesktop, args: Args): Promise<ToolResult | string> {
  const { action, text, duration = 1 } = args;
  const to = args.coordinate && desk.at(pointOf(args.coordinate));
  const click = clicks[action];
  if (click) {
    await held(desk, text, { kind: 'click', ...click, ...to });
    return 'Clicked.';
  }
  switch (action) {
    case 'mouse_move':
      if (!to) return badArgumentsResult('mouse_move needs a coordinate.');
      await desk.do({ kind: 'move', ...to });
      return 'Moved.';
    case 'left_click_drag': {
      if (!to) return badArgumentsResult('left_click_drag needs a coordinate.');
      const start = args.start_coordinate;
      const from = desk.at(start ? pointOf(start) : await desk.pointer());
      await held(desk, text, { kind: 'drag', path: [from, to] });
      return 'Dragged.';
    }
    case 'left_mouse_down':
    case 'left_mouse_up':
      if (to) await desk.do({ kind: 'move', ...to });
      await desk.do({ kind: action === 'left_mouse_down' ? 'press' : 'release', button: 'left' });
      return 'Done.';
    case 'scroll': {
      const [x, y] = directions[args.scroll_direction ?? 'down'];
      const amount = args.scroll_amount ?? 3;
      const at = to ?? desk.at(await desk.pointer());
      await held(desk, text, { kind: 'scroll', ...at, dx: x * amount, dy: y * amount });
      return 'Scrolled.';
    }
    case 'type':
      if (text === undefined) return badArgumentsResult('type needs a text.');
      await desk.do({ kind: 'type', text });
      return 'Typed.';
    case 'key':
    case 'hold_key':
      if (!text) return badArgumentsResult(`${action} needs a text: the keys, such as ctrl+l.`);
      for (let left = args.repeat; left > 1 && action === 'key'; left--) await desk.do({ kind: 'key', keys: text });
      await desk.do({ kind: 'key', keys: text, ...(action === 'hold_key' && { holdMs: duration * 1_000 }) });
      return 'Pressed.';
    case 'wait':
      await desk.wait(duration * 1_000);
      return `Waited ${duration} s.`;
    default: {
      const { x, y } = await desk.pointer();
      return `The pointer is at ${x}, ${y}.`;
    }
  }
}

const modifierMs = 400; // longer than any action takes

async function held(desk: ScaledDesktop, keys: string | undefined, action: ScreenAction): Promise<void> {
  if (!keys) return await desk.do(action);
  const holding = desk.do({ kind: 'key', keys, holdMs: modifierMs });
  await desk.wait(modifierMs / 8);
  await Promise.all([holding, desk.do(action)]);
}

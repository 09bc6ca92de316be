import { z } from 'zod';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import { runOnDesktop, type ScaledDesktop } from './scaled-desktop.ts';
import { geminiGrid } from './screen.ts';

// Names and arguments of Gemini's first computer-use models, which require the page's address in results.

const axis = (name: string) => z.number().min(0).max(1000).describe(`${name}, from 0 to 1000`);
const at = { x: axis('from the left'), y: axis('from the top') };
const direction = z.enum(['up', 'down', 'left', 'right']);
const directions = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] } as const;
const pixelsPerNotch = 53; // the distance in pixels that one wheel notch scrolls in Chromium

const tool = <Shape extends z.ZodRawShape>(
  name: string,
  description: string,
  shape: Shape,
  run: (ctx: ToolContext, args: z.output<z.ZodObject<Shape>>) => Promise<ToolResult>,
): Tool => ({
  ...defineTool({
    name,
    family: 'browser',
    group: 'browser',
    label: name.replaceAll('_', ' '),
    needs: ['desktop'],
    description,
    parameters: z.object(shape),
    run: async (ctx, args) => {
      const result = await run(ctx, args);
      const page = await ctx.browser?.address(ctx.signal);
      return page === undefined ? result : { ...result, page };
    },
  }),
  native: { kind: 'screen_action' },
});

const acts = (ctx: ToolContext, text: string, work: (desk: ScaledDesktop) => Promise<unknown>): Promise<ToolResult> =>
  runOnDesktop(ctx, 'acts', async (desk) => {
    await work(desk);
    return text;
  });
const key = (ctx: ToolContext, keys: string): Promise<ToolResult> =>
  acts(ctx, `Pressed ${keys}.`, (desk) => desk.do({ kind: 'key', keys }));
const point = (desk: ScaledDesktop, { x, y }: { x: number; y: number }) => desk.at({ x, y }, geminiGrid);

async function opened(ctx: ToolContext, url: string): Promise<ToolResult> {
  if (!ctx.browser) return { ok: false, reason: 'refused', output: 'This sandbox has no desktop, and so no browser.' };
  await ctx.gate?.(ctx.signal);
  const { ok, reason, text } = await ctx.browser.navigate(url, ctx.signal);
  const result = await runOnDesktop(ctx, 'looks', async () => text);
  return ok ? result : { ...result, ok: false, reason: reason ?? 'failed' };
}

export const geminiComputerTools: readonly Tool[] = [
  tool('open_web_browser', 'Open the web browser.', {}, (ctx) => opened(ctx, 'about:blank')),
  tool('navigate', 'Open an address in the browser.', { url: z.string().min(1).max(100_000) }, (ctx, { url }) =>
    opened(ctx, url),
  ),
  tool('wait_5_seconds', 'Wait five seconds.', {}, (ctx) =>
    runOnDesktop(ctx, 'looks', async (desk) => {
      await desk.wait(5_000);
      return 'Waited.';
    }),
  ),
  tool('go_back', 'Go back to the page before.', {}, (ctx) => key(ctx, 'alt+Left')),
  tool('go_forward', 'Go forward again.', {}, (ctx) => key(ctx, 'alt+Right')),
  tool('click_at', 'Click a place on the screen.', at, (ctx, args) =>
    acts(ctx, 'Clicked.', (desk) => desk.do({ kind: 'click', button: 'left', count: 1, ...point(desk, args) })),
  ),
  tool('hover_at', 'Move the mouse to a place on the screen.', at, (ctx, args) =>
    acts(ctx, 'Moved.', (desk) => desk.do({ kind: 'move', ...point(desk, args) })),
  ),
  tool(
    'type_text_at',
    'Click a place and type there.',
    {
      ...at,
      text: z.string().max(10_000),
      press_enter: z.boolean().default(true),
      clear_before_typing: z.boolean().default(true),
    },
    (ctx, args) =>
      acts(ctx, 'Typed.', async (desk) => {
        await desk.do({ kind: 'click', button: 'left', count: 1, ...point(desk, args) });
        if (args.clear_before_typing) {
          await desk.do({ kind: 'key', keys: 'ctrl+a' });
          await desk.do({ kind: 'key', keys: 'BackSpace' });
        }
        if (args.text !== '') await desk.do({ kind: 'type', text: args.text });
        if (args.press_enter) await desk.do({ kind: 'key', keys: 'Return' });
      }),
  ),
  tool('key_combination', 'Press keys together.', { keys: z.string().min(1).max(100) }, (ctx, { keys }) =>
    key(ctx, keys),
  ),
  tool('scroll_document', 'Scroll the whole page by one screen.', { direction }, (ctx, args) => {
    const keys = { up: 'Page_Up', down: 'Page_Down', left: 'Left', right: 'Right' } as const;
    return key(ctx, keys[args.direction]);
  }),
  tool(
    'scroll_at',
    'Scroll at a place on the screen.',
    { ...at, direction, magnitude: z.number().min(0).max(1000).default(800) },
    (ctx, args) =>
      acts(ctx, 'Scrolled.', (desk) => {
        const [dx, dy] = directions[args.direction];
        const far = (args.magnitude / 1000) * (dy === 0 ? desk.screen.width : desk.screen.height);
        const notches = Math.min(100, Math.max(1, Math.round(far / pixelsPerNotch)));
        return desk.do({ kind: 'scroll', ...point(desk, args), dx: dx * notches, dy: dy * notches });
      }),
  ),
  tool(
    'drag_and_drop',
    'Drag from one place to another.',
    { ...at, destination_x: axis('to the left'), destination_y: axis('to the top') },
    (ctx, args) =>
      acts(ctx, 'Dragged.', (desk) => {
        const to = point(desk, { x: args.destination_x, y: args.destination_y });
        return desk.do({ kind: 'drag', path: [point(desk, args), to] });
      }),
  ),
];

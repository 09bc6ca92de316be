import { z } from 'zod';
import type { AgentBrowser, BrowserReport, ElementOrPoint } from '../browser/browser.ts';
import { defineTool, type ToolContext, type ToolResult } from './tool.ts';

const index = z.int().min(0).describe('number of the element in the last view');
const coordinate = (axis: string) => z.number().min(0).describe(`pixels from the page's ${axis}, as in the picture`);
const place = {
  index: index.optional(),
  coordinate_x: coordinate('left').optional(),
  coordinate_y: coordinate('top').optional(),
};
const url = z.string().min(1).max(100_000).describe('address to open, with its scheme');

const shared = { family: 'browser', group: 'browser', needs: ['desktop'] } as const;

export const browserTools = [
  defineTool({
    name: 'browser_view',
    ...shared,
    label: 'View page',
    description:
      "Show the page: what can be clicked or filled in on the screen, numbered, and the page's text as Markdown. " +
      'The numbers hold until the next result of a browser tool.',
    parameters: z.object({}),
    run: (ctx) => look(ctx, (browser) => browser.view(ctx.signal)),
  }),
  defineTool({
    name: 'browser_navigate',
    ...shared,
    label: 'Open',
    description: 'Open an address in the browser.',
    parameters: z.object({ url }),
    run: (ctx, args) => act(ctx, (browser) => browser.navigate(args.url, ctx.signal)),
  }),
  defineTool({
    name: 'browser_restart',
    ...shared,
    label: 'Restart browser',
    description: 'End the browser with all its tabs, start a new one and open an address.',
    parameters: z.object({ url }),
    run: (ctx, args) => act(ctx, (browser) => browser.restart(args.url, ctx.signal)),
  }),
  defineTool({
    name: 'browser_click',
    ...shared,
    label: 'Click',
    description: 'Click an element by its number, or a place in the page.',
    parameters: z.object(place),
    run: (ctx, args) => pointed(ctx, args, (browser, target) => browser.click(target, ctx.signal)),
  }),
  defineTool({
    name: 'browser_input',
    ...shared,
    label: 'Fill in',
    description: 'Replace the text of a field, by its number or its place in the page.',
    parameters: z.object({ ...place, text: z.string().max(100_000), press_enter: z.boolean().default(false) }),
    run: (ctx, args) =>
      pointed(ctx, args, (browser, target) =>
        browser.input(target, args.text, { pressEnter: args.press_enter, signal: ctx.signal }),
      ),
  }),
  defineTool({
    name: 'browser_move_mouse',
    ...shared,
    label: 'Move mouse',
    description: 'Move the mouse to a place in the page, without a click.',
    parameters: z.object({ coordinate_x: coordinate('left'), coordinate_y: coordinate('top') }),
    run: (ctx, { coordinate_x, coordinate_y }) =>
      act(ctx, (browser) => browser.moveMouse(coordinate_x, coordinate_y, ctx.signal)),
  }),
  defineTool({
    name: 'browser_press_key',
    ...shared,
    label: 'Press',
    description: 'Press a key or keys together in the page.',
    parameters: z.object({ key: z.string().min(1).max(100).describe('such as Enter, Tab, ArrowDown, Control+a') }),
    run: (ctx, { key }) => act(ctx, (browser) => browser.pressKey(key, ctx.signal)),
  }),
  defineTool({
    name: 'browser_select_option',
    ...shared,
    label: 'Choose',
    description: 'Choose one option of a <select> element.',
    parameters: z.object({
      index,
      option: z.coerce.string().describe('place of the option, counted from 0, or its text'),
    }),
    run: (ctx, args) => act(ctx, (browser) => browser.selectOption(args.index, args.option, ctx.signal)),
  }),
  defineTool({
    name: 'browser_scroll_up',
    ...shared,
    label: 'Scroll up',
    description: 'Scroll the page up by one screen, or to its top.',
    parameters: z.object({ to_top: z.boolean().default(false) }),
    run: (ctx, { to_top }) => act(ctx, (browser) => browser.scroll('up', to_top ? 'end' : 'screen', ctx.signal)),
  }),
  defineTool({
    name: 'browser_scroll_down',
    ...shared,
    label: 'Scroll down',
    description: 'Scroll the page down by one screen, or to its end.',
    parameters: z.object({ to_bottom: z.boolean().default(false) }),
    run: (ctx, { to_bottom }) =>
      act(ctx, (browser) => browser.scroll('down', to_bottom ? 'end' : 'screen', ctx.signal)),
  }),
  defineTool({
    name: 'browser_console_exec',
    ...shared,
    label: 'Run script in page',
    description: "Run JavaScript in the page's console and show what it comes to.",
    parameters: z.object({ javascript: z.string().min(1).max(100_000) }),
    run: (ctx, { javascript }) => act(ctx, (browser) => browser.consoleExec(javascript, ctx.signal)),
  }),
  defineTool({
    name: 'browser_console_view',
    ...shared,
    label: 'View console',
    description: 'Show what the page wrote to its console, newest last.',
    parameters: z.object({ max_lines: z.int().min(1).max(500).default(100) }),
    run: (ctx, { max_lines }) => look(ctx, (browser) => browser.consoleView(max_lines, ctx.signal)),
  }),
];

type BrowserUse = (browser: AgentBrowser) => Promise<BrowserReport>;

async function look(ctx: ToolContext, use: BrowserUse): Promise<ToolResult> {
  if (!ctx.browser) return { ok: false, reason: 'refused', output: 'This sandbox has no desktop, and so no browser.' };
  return await toResult(ctx, await use(ctx.browser));
}

/** Waits while a user controls the keyboard and mouse. */
async function act(ctx: ToolContext, use: BrowserUse): Promise<ToolResult> {
  if (ctx.browser) await ctx.gate?.(ctx.signal);
  return await look(ctx, use);
}

interface ElementArgs {
  readonly index?: number | undefined;
  readonly coordinate_x?: number | undefined;
  readonly coordinate_y?: number | undefined;
}

async function pointed(
  ctx: ToolContext,
  { index, coordinate_x: x, coordinate_y: y }: ElementArgs,
  use: (browser: AgentBrowser, target: ElementOrPoint) => Promise<BrowserReport>,
): Promise<ToolResult> {
  const target = index !== undefined ? { index } : x !== undefined && y !== undefined ? { x, y } : undefined;
  if (target) return await act(ctx, (browser) => use(browser, target));
  return { ok: false, reason: 'bad_arguments', output: 'Needs index, or coordinate_x and coordinate_y.' };
}

async function toResult(ctx: ToolContext, { ok, reason, text, picture }: BrowserReport): Promise<ToolResult> {
  const kept = picture && (await ctx.keepPicture?.(picture));
  const shown = {
    output: text,
    content: kept ? { screenshot: kept.url } : null,
    ...(kept && { pictures: [kept] }),
    rest: 'Scroll, or ask for less.',
  };
  return ok ? { ok, ...shown } : { ok: false, reason: reason ?? 'failed', ...shown };
}

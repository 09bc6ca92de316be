import { createTimeoutSignal, sleep } from '../../../core/concurrency/cancel.ts';
import type { DesktopStatus, ScreenAction } from '../../../sandboxes/client/client.ts';
import type { ToolContext, ToolResult } from '../tool.ts';
import { pictureScaler } from './picture-scaler.ts';
import { readPngSize } from './png.ts';
import { type Point, type Size, scalePoint, toModelScreenSize } from './screen.ts';

const startMs = 90_000;
const settleMs = 500; // time for the effect of a click to become visible

/** `at` converts to the desktop's coordinates, which `do` expects. The other members use the model's. */
export interface ScaledDesktop {
  readonly screen: Size;
  at(point: Point, of?: Size): Point;
  do(action: ScreenAction): Promise<void>;
  /** Returns a PNG. `part` is in the model's coordinates. Default: the whole screen. */
  photograph(part?: { from: Point; to: Point }): Promise<Buffer>;
  pointer(): Promise<Point>;
  wait(ms: number): Promise<void>;
}

/** Adds a screenshot unless `work` returns a complete result. `acts` waits while a user controls the desktop. */
export async function runOnDesktop(
  ctx: ToolContext,
  kind: 'looks' | 'acts',
  work: (desk: ScaledDesktop) => Promise<ToolResult | string>,
): Promise<ToolResult> {
  using until = createTimeoutSignal(startMs, ctx.clock, ctx.signal);
  const status = await ctx.sandbox.desktop.start(until.signal);
  if (kind === 'acts') await ctx.gate?.(ctx.signal);
  const desk = scaleDesktop(ctx, status);
  const reply = await work(desk);
  if (typeof reply !== 'string') return reply;
  if (kind === 'acts') await desk.wait(settleMs);
  return await toPictureResult(ctx, reply, await desk.photograph());
}

export async function toPictureResult(ctx: ToolContext, output: string, data: Buffer): Promise<ToolResult> {
  const kept = await ctx.keepPicture?.({ mimeType: 'image/png', data });
  return { ok: true, output, content: kept ? { screenshot: kept.url } : null, ...(kept && { pictures: [kept] }) };
}

export const badArgumentsResult = (output: string): ToolResult => ({ ok: false, reason: 'bad_arguments', output });

function scaleDesktop(
  { sandbox: { desktop }, clock, signal }: ToolContext,
  { width, height }: DesktopStatus,
): ScaledDesktop {
  const whole: Size = { width, height };
  const screen = toModelScreenSize(whole);
  return {
    screen,
    at: (point, of = screen) => scalePoint(point, of, whole),
    do: (action) => desktop.act(action, signal),
    pointer: async () => scalePoint(await desktop.pointer(signal), whole, screen),
    wait: (ms) => sleep(ms, signal, clock),
    async photograph(part) {
      const png = await desktop.screenshot(signal);
      const isWhole = part === undefined && screen.width === width && screen.height === height;
      if (isWhole) return png;
      const picture = readPngSize(png) ?? whole; // the scaler rejects anything that is not an image
      const from = part ? scalePoint(part.from, screen, picture) : { x: 0, y: 0 };
      const to = part ? scalePoint(part.to, screen, picture) : { x: picture.width, y: picture.height };
      const region = { ...from, width: Math.max(1, to.x - from.x), height: Math.max(1, to.y - from.y) };
      // Enlarges a part, so that the model sees its details.
      const scale = Math.min(screen.width / region.width, screen.height / region.height);
      const size = part
        ? {
            width: Math.max(1, Math.round(region.width * scale)),
            height: Math.max(1, Math.round(region.height * scale)),
          }
        : screen;
      return await pictureScaler.scale({ picture: png, region, size }, signal);
    },
  };
}

import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createFilledFolder } from '../lib/corral/corral-store.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  createLimitExperiment,
  type Experiment,
  type RoundRunner,
} from '../lib/measure/measure.ts';

// The page of a session of 10,000 events in Chromium. `first picture`: from the navigation to the newest message on the
// screen. `longest frame`: the longest time between two frames while the conversation is scrolled up.

const program = '/usr/bin/chromium';
const events = 10_000;
const newest = 'The newest message of all.';
const [pictureMs, frameMs] = [1_000, 50];
const scrolls = 40;

export const page: BenchRow = {
  name: 'page',
  title: 'the page of a session of 10,000 events: its first picture, the longest frame while scrolling',
  missing: async () => (existsSync(program) ? undefined : 'Chromium is not installed'),
  experiments: (mode) => [
    experiment('first picture', pictureMs, mode, async (_shown, ms) => ms),
    experiment('longest frame', frameMs, mode, (shown) => longestFrame(shown)),
  ],
};

type PageMeasure = (shown: Page, openedMs: number) => Promise<number>;

const experiment = (of: string, max: number, mode: BenchMode, look: PageMeasure): Experiment =>
  createLimitExperiment({
    max,
    unit: 'ms',
    variant: { of },
    rounds: computeRoundLimits(mode, 20_000),
    open: (stack) => openShown(stack, look),
  });

async function openShown(stack: AsyncDisposableStack, look: PageMeasure): Promise<RoundRunner> {
  const { dataDir, stored } = await createFilledFolder(stack, 'conversation', { events, newest });
  const { url } = stack.use(await startServer({ CORRAL_DRIVER: 'process', CORRAL_DATA_DIR: dataDir }));
  const args = ['--no-sandbox', '--disable-gpu'];
  const browser: Browser = await chromium.launch({ executablePath: program, args });
  stack.defer(() => browser.close());
  return async () => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const shown = await context.newPage();
    const from = monotonicMs();
    await shown.goto(`${url}/#${stored}`);
    await shown.getByText(newest).waitFor({ state: 'visible', timeout: 120_000 }); // an older page loads the whole session first
    const ms = await look(shown, monotonicMs() - from);
    await context.close();
    return [ms];
  };
}

async function longestFrame(shown: Page): Promise<number> {
  await shown.getByText(newest).hover();
  await shown.evaluate(`{
    globalThis.longest = 0;
    let last = performance.now();
    const frame = (now) => {
      globalThis.longest = Math.max(globalThis.longest, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }`);
  for (let n = 0; n < scrolls; n++) await shown.mouse.wheel(0, -600);
  return await shown.evaluate<number>('globalThis.longest');
}

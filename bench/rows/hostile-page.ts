import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Browser, chromium, type Page } from 'playwright-core';
import { randomIds, type SessionId } from '../../src/core/model/ids.ts';
import { sqliteStore } from '../../src/storage/sqlite/store.ts';
import { hostileItem } from '../../test/support/hostile/hostile-text.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { startServer } from '../lib/corral/server.ts';
import { addSession } from '../lib/corral/sessions.ts';
import {
  budget,
  type Experiment,
  type Mode,
  type Pair,
  type Row,
  roundsWithin,
  timed,
} from '../lib/measure/measure.ts';

// Conversations of an agent that wants to hold up the page, as the fuzz test generates them: the longest task of the page's own
// thread while each is opened and scrolled from its end to its start. Chromium's trace says how much processor time a task took,
// so a busy machine does not count.

const program = '/usr/bin/chromium';
const taskMs = 200;
const seed = 20_261_124;
const conversations = 5;
const items = 100;

export const hostilePage: Row = {
  name: 'hostile-page',
  title: "conversations with an agent's hostile texts: the longest task of the page's thread, opened and scrolled",
  missing: async () => (existsSync(program) ? undefined : 'Chromium is not installed'),
  experiments: (mode) => [experiment(mode)],
};

const experiment = (mode: Mode): Experiment => ({
  ...timed,
  variant: { items: conversations * items },
  feels: 'nothing',
  peer: `budget of ${taskMs} ms`,
  goals: [{ stat: 'p50', max: 1 }],
  rounds: { ...roundsWithin(mode, 60_000), warmUp: 0, min: 2 },
  open: async (stack) => ({ ...(await openShown(stack)), ...budget(taskMs) }),
});

async function openShown(stack: AsyncDisposableStack): Promise<Omit<Pair, 'peer'>> {
  const { path } = stack.use(await freshFolder());
  const dataDir = join(path, 'd');
  const sessions = await hostileSessions(dataDir);
  const { url } = stack.use(await startServer({ CORRAL_DRIVER: 'process', CORRAL_DATA_DIR: dataDir }));
  const browser: Browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu'] });
  stack.defer(() => browser.close());
  return {
    async subject() {
      const longest: number[] = [];
      for (const session of sessions) {
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
        const page = await context.newPage();
        const tasks = await tracedTasks(browser, async () => {
          await page.goto(`${url}/#${session}`);
          await scrolledUp(page);
        });
        await context.close();
        longest.push(Math.max(...tasks));
      }
      return { samples: [Math.max(...longest)] };
    },
  };
}

/** Brings each item into view, the newest first, and lets the page draw it. */
async function scrolledUp(page: Page): Promise<void> {
  const drawn = page.locator('.items > [data-seq]');
  await drawn.nth(items - 1).waitFor({ state: 'attached' });
  for (let n = items - 1; n >= 0; n--)
    await drawn.nth(n).evaluate(`(item) => {
      item.scrollIntoView();
      return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn))));
    }`);
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of processor time. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** The processor time of each task of the pages' own threads meanwhile, in ms. */
async function tracedTasks(browser: Browser, act: () => Promise<void>): Promise<number[]> {
  const devTools = await browser.newBrowserCDPSession();
  const events: TraceEvent[] = [];
  devTools.on('Tracing.dataCollected', ({ value }) => void events.push(...(value as unknown as TraceEvent[])));
  await devTools.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel'], recordMode: 'recordAsMuchAsPossible' },
  });
  await act();
  const complete = new Promise((resolve) => devTools.once('Tracing.tracingComplete', resolve));
  await devTools.send('Tracing.end');
  await complete;
  await devTools.detach();
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const mains = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const threads = new Set(mains.map(threadOf));
  const tasks = events.filter(
    (event) => event.name === 'ThreadControllerImpl::RunTask' && threads.has(threadOf(event)),
  );
  if (tasks.length === 0) throw new Error('The trace has no task of the page.');
  return tasks.map(({ tdur = 0 }) => tdur / 1_000);
}

/** Sessions as an earlier server left them. */
async function hostileSessions(dataDir: string): Promise<SessionId[]> {
  await mkdir(dataDir, { mode: 0o700 });
  await using store = await sqliteStore({ path: join(dataDir, 'corral.db') });
  const ids = randomIds();
  const sessions: SessionId[] = [];
  for (let n = 0; n < conversations; n++) {
    const sessionId = await addSession({ store, ids });
    const facts = fc.sample(hostileItem, { seed: seed + n, numRuns: items }).flat();
    await store.events.append({ sessionId, after: 1, at: Date.now(), facts });
    sessions.push(sessionId);
  }
  return sessions;
}

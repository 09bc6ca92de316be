import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { SessionFact } from '../../src/core/model/events.ts';
import { randomIds, type SessionId } from '../../src/core/model/ids.ts';
import { sqliteStore } from '../../src/storage/sqlite/store.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { startServer } from '../lib/corral/server.ts';
import { addSession } from '../lib/corral/sessions.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  budget,
  type Experiment,
  limited,
  type Mode,
  type Pair,
  type Row,
  roundsWithin,
} from '../lib/measure/measure.ts';

// The page of a session of 10,000 events in Chromium. `first picture`: from the address to the newest message on the
// screen. `longest frame`: the longest time between two frames while a person scrolls up through the conversation.

const program = '/usr/bin/chromium';
const events = 10_000;
const newest = 'The newest message of all.';
const [pictureMs, frameMs] = [1_000, 50];
const scrolls = 40;

export const page: Row = {
  name: 'page',
  title: 'the page of a session of 10,000 events: its first picture, the longest frame while scrolling',
  missing: async () => (existsSync(program) ? undefined : 'Chromium is not installed'),
  experiments: (mode) => [
    experiment('first picture', pictureMs, mode, async (_shown, ms) => ms),
    experiment('longest frame', frameMs, mode, (shown) => longestFrame(shown)),
  ],
};

type PageMeasure = (shown: Page, openedMs: number) => Promise<number>;

const experiment = (of: string, most: number, mode: Mode, look: PageMeasure): Experiment => ({
  ...limited(most, 'ms'),
  variant: { of },
  rounds: roundsWithin(mode, 20_000),
  open: async (stack) => ({ ...(await openShown(stack, look)), ...budget(most) }),
});

async function openShown(stack: AsyncDisposableStack, look: PageMeasure): Promise<Omit<Pair, 'peer'>> {
  const { path } = stack.use(await freshFolder());
  const dataDir = join(path, 'd');
  const session = await longSession(dataDir);
  const { url } = stack.use(await startServer({ CORRAL_DRIVER: 'process', CORRAL_DATA_DIR: dataDir }));
  const args = ['--no-sandbox', '--disable-gpu'];
  const browser: Browser = await chromium.launch({ executablePath: program, args });
  stack.defer(() => browser.close());
  return {
    async subject() {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
      const shown = await context.newPage();
      const from = monotonicMs();
      await shown.goto(`${url}/#${session}`);
      await shown.getByText(newest).waitFor({ state: 'visible' });
      const samples = [await look(shown, monotonicMs() - from)];
      await context.close();
      return { samples };
    },
  };
}

/** Turns of the mouse wheel over the conversation, one for each frame or two. */
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

/** A session as an earlier server left it: messages, steps and replies, and the newest message at the end. */
async function longSession(dataDir: string): Promise<SessionId> {
  await mkdir(dataDir, { mode: 0o700 });
  await using store = await sqliteStore({ path: join(dataDir, 'corral.db') });
  const ids = randomIds();
  const id = await addSession({ store, ids });
  const runId = ids.runId();
  for (let head = 1; head < events; ) {
    const count = Math.min(1_000, events - head);
    const facts = Array.from({ length: count }, (_, n): SessionFact => {
      const seq = head + n + 1;
      if (seq === events || seq % 10 === 0) {
        const text = seq === events ? newest : `message ${seq} `.padEnd(200, 'with words ');
        return { type: 'message.user', runId, data: { messageId: ids.messageId(), text, attachments: [] } };
      }
      const description = `step ${seq} `.padEnd(120, '.');
      return { type: 'step', runId, data: { id: String(seq), description, status: 'completed' } };
    });
    head = await store.events.append({ sessionId: id, after: head, at: Date.now(), facts });
  }
  return id;
}

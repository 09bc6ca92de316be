import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { BrowserSession } from '../../src/browser/session.ts';
import { systemClock } from '../../src/core/clock.ts';
import { pipedChromium } from '../../test/support/piped-chromium.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { timedSamples } from '../lib/timed-samples.ts';

// A page on loopback opened and viewed, as an agent's two calls do it (elements, Markdown and a picture with each). The
// peer uses Playwright directly: open, read the text, take a picture; then read it again with another picture.

const executablePath = '/usr/bin/chromium';
const limits = { maxTabs: 20, maxDownloadBytes: 2 ** 20, navigationMs: 30_000, answerMs: 10_000 };

export const P60: Row = {
  id: 'P60',
  title: 'browser_navigate and browser_view of a local page',
  missing: () =>
    access(executablePath).then(
      () => undefined,
      () => 'needs Chromium',
    ),
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P60', variant: { calls: 'navigate + view' }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'playwright' },
    goals: [{ stat: 'p50', max: 1.3, level: 'anchor' }],
    rounds: { warmUp: 1, min: 5, max: quick ? 10 : 30, capMs: quick ? 15_000 : 90_000 },
    open: () => openPair(quick ? 3 : 6),
  };
}

async function openPair(times: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const url = stack.use(await page()).url;
  const { sandbox } = stack.use(await pipedChromium());
  const session = stack.use(new BrowserSession({ sandbox, clock: systemClock, limits }));
  const direct = stack.adopt(await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] }), (it) =>
    it.close(),
  );
  const tab = await direct.newPage({ viewport: { width: 1280, height: 713 } });
  const { signal } = stack.adopt(new AbortController(), (it) => it.abort());
  const held = stack.move();
  const timed = (work: () => Promise<unknown>) => timedSamples(times, work);
  return {
    subject: () =>
      timed(async () => {
        for (const report of [await session.navigate(url, signal), await session.view(signal)])
          if (!report.ok) throw new Error(report.text);
      }),
    peer: () =>
      timed(async () => {
        await tab.goto(url);
        for (let n = 0; n < 2; n++) {
          // biome-ignore lint/performance/useDomNodeTextContent: only what can be seen, as the subject reads it
          await tab.locator('body').innerText();
          await tab.screenshot({ type: 'jpeg', quality: 75 });
        }
      }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** A simple page with some headings, text and links. */
async function page() {
  const part = (n: number) => `<h2>Part ${n}</h2><p>${'Some words of text. '.repeat(30)}</p><a href="/${n}">More</a>`;
  const html = `<!doctype html><title>Page</title>${Array.from({ length: 40 }, (_, n) => part(n)).join('')}`;
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

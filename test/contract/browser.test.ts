// @module-tag all
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BrowserSession } from '../../src/agents/browser/session.ts';
import { createPageTextThread } from '../../src/agents/page-fetch/page-text.ts';
import { systemClock } from '../../src/core/contracts/clock.ts';
import { type Site, site } from '../support/egress/site.ts';
import { pages } from '../support/egress/site-pages.ts';
import { type PipedChromium, pipedChromium } from '../support/sandboxes/piped-chromium.ts';
import { needs } from '../support/servers/components.ts';

const limits = { maxTabs: 5, maxDownloadBytes: 1024 * 1024, navigationMs: 5_000, answerMs: 4_000 };
const signal = AbortSignal.timeout(600_000);

let chromium: PipedChromium;
let shop: Site;
let browser: BrowserSession;
const open = (path: string) => browser.navigate(`${shop.url}${path}`, signal);
const fresh = (more: Partial<typeof limits> = {}) =>
  new BrowserSession({
    sandbox: chromium.sandbox,
    clock: systemClock,
    limits: { ...limits, ...more },
    readTree: async (tree) => (await threads.do({ tree }, signal))?.markdown,
  });
const threads = createPageTextThread();
const numberOf = (text: string, of: string): number => {
  const line = of.split('\n').find((it) => /^\d+:/.test(it) && it.includes(text));
  if (!line) throw new Error(`no element ${text} in:\n${of}`);
  return Number.parseInt(line, 10);
};

beforeAll(async () => {
  chromium = await pipedChromium();
  shop = await site(pages);
  browser = fresh();
});
beforeEach((context) => needs(context, 'chromium'));
afterAll(async () => {
  browser[Symbol.dispose]();
  await shop[Symbol.asyncDispose]();
  await chromium[Symbol.asyncDispose]();
  await threads[Symbol.asyncDispose]();
});

describe('the browser of a sandbox', () => {
  test('a view numbers what can be clicked on the screen, and shows the page as Markdown', async () => {
    expect(await open('/')).toMatchObject({ ok: true });
    const { text, picture } = await browser.view(signal);
    expect(text).toContain('0:<a>Order a lamp</a>');
    expect(text).not.toContain('Hidden');
    expect(text).not.toContain('<a>Far below</a>');
    expect(text).toContain('# Welcome\n\nWe sell **lamps**.');
    expect(picture?.data.subarray(0, 2).toString('hex')).toBe('ffd8');
  });

  test('the address is that of the page on the screen', async () => {
    await open('/');
    expect(await browser.address(signal)).toBe(`${shop.url}/`);
  });

  test('the browser numbers elements that scrolling reveals and reports the end of the page', async () => {
    await open('/');
    expect((await browser.scroll('down', 'end', signal)).text).toContain('<a>Far below</a>');
    expect((await browser.scroll('down', 'end', signal)).text).toContain('Nothing moved');
    expect((await browser.scroll('up', 'end', signal)).text).toContain('<a>Order a lamp</a>');
  });

  test('a form is found, filled and sent, and the server of the site sees its values', async () => {
    await open('/');
    const order = await browser.click({ index: 0 }, signal);
    expect(order.text).toContain('Page: Order');
    expect(order.text).not.toContain('1234');
    await browser.input({ index: numberOf('Your name', order.text) }, 'Ada Ü', { pressEnter: false, signal });
    await browser.selectOption(numberOf('Colour', order.text), 'Blue', signal);
    await browser.input({ index: numberOf('Day', order.text) }, '2026-02-03', { pressEnter: false, signal });
    await browser.click({ index: numberOf('checkbox', order.text) }, signal);
    const done = await browser.click({ index: numberOf('Send', order.text) }, signal);
    expect(done.text).toContain('Page: Thanks');
    const form = { name: 'Ada Ü', colour: 'b', day: '2026-02-03', gift: 'on', pin: '1234' };
    expect(shop.seen.at(-1)).toEqual({ path: '/thanks', form });
  });

  test('writing into a field replaces what it held', async () => {
    const { text } = await open('/order');
    const index = numberOf('Your name', text);
    await browser.input({ index }, 'first', { pressEnter: false, signal });
    expect((await browser.input({ index }, 'second', { pressEnter: false, signal })).text).toContain('(text): second<');
    expect((await browser.input({ index }, '', { pressEnter: true, signal })).text).toContain('Page: Thanks');
  });

  test('an element that came since the last view is marked as new', async () => {
    const { text } = await open('/grow');
    expect(text).not.toContain('[new]');
    const after = await browser.click({ index: 0 }, signal);
    expect(after.text).toContain('0:<button>First</button>\n1:<button>Second</button> [new]');
    expect((await browser.view(signal)).text).not.toContain('[new]');
  });

  test('an index that the last view did not have, or that is gone, is reported', async () => {
    await open('/grow');
    expect(await browser.click({ index: 7 }, signal)).toMatchObject({ ok: false, reason: 'not_found' });
    await browser.consoleExec('document.querySelector("button").remove()', signal);
    const { text } = await browser.click({ index: 0 }, signal);
    expect(text).toContain('no element 0');
  });

  test('the browser neither numbers nor clicks an element covered by another', async () => {
    const { text } = await open('/covered');
    expect(text).not.toContain('Under');
    expect((await browser.click({ index: numberOf('Agree', text) }, signal)).text).toContain('<button>Under</button>');
  });

  test('coordinates, keys and the mouse work without an index', async () => {
    await open('/order');
    await browser.click({ x: 120, y: 20 }, signal);
    expect(await browser.moveMouse(5, 5, signal)).toMatchObject({ ok: true });
    expect(await browser.pressKey('ctrl+a', signal)).toMatchObject({ ok: true });
    expect(await browser.pressKey('NoSuchKey', signal)).toMatchObject({ ok: false });
  });

  test('a dialog is answered and reported', async () => {
    await open('/dialogs');
    const { text } = await browser.click({ index: 0 }, signal);
    expect(text).toContain('The page showed a dialog (confirm): "Delete all?". It was answered with OK.');
    expect((await browser.view(signal)).text).toContain('true');
  });

  test('a page that asks not to be left is left', async () => {
    const { text } = await open('/leave');
    await browser.input({ index: numberOf('text', text) }, 'typed', { pressEnter: false, signal });
    const next = await open('/thanks');
    expect(next.text).toContain('Page: Thanks');
    expect(next.text).toContain('showed a warning before it was left');
  });

  test('a new tab is followed and reported; when it is closed the one before is back', async () => {
    await open('/tabs');
    const { text } = await browser.click({ index: 0 }, signal);
    expect(text).toContain('opened a new tab');
    expect(text).toContain('Page: Thanks');
    const back = await browser.consoleExec('setTimeout(() => window.close(), 0), 1', signal);
    expect(back.text).toContain('Page: Tabs');
  });

  test('a download lands in the workspace and is reported', async () => {
    const { ok, text } = await open('/small');
    expect(ok).toBe(true);
    expect(text).toContain('A download began: small.bin');
    expect(text).toContain('(12 bytes)');
    expect(await readFile(join(chromium.workdir, 'Downloads/small.bin'), 'utf8')).toBe('twelve bytes');
  });

  test("the console runs code, shows the page's messages, and ends an endless loop", async () => {
    await open('/console');
    expect((await browser.consoleExec('const a = await 1; ({ sum: a + 1 })', signal)).text).toContain('"sum": 2');
    expect((await browser.consoleExec('fetch("/console").then((it) => it.status)', signal)).text).toMatch(/^200\n/);
    expect(await browser.consoleExec('throw new Error("no luck")', signal)).toMatchObject({ ok: false });
    expect((await browser.consoleView(100, signal)).text).toContain('log: from the page\nerror: bad thing');
    expect(await browser.consoleExec('for(;;);', signal)).toMatchObject({ ok: false });
    expect((await browser.view(signal)).text).toContain('Page: Console');
  });

  test('a page that breaks its own tools cannot change what is seen', async () => {
    const { text } = await open('/hostile');
    expect(text).toContain('0:<button>Real</button>');
  });

  test.each([
    ['/pdf', true, 'a PDF'],
    ['/plain', true, 'Opened'],
    ['/nothing', false, 'opened no page'],
    ['/missing', false, 'answered HTTP 404'],
  ])('%s is described for what it is', async (path, ok, text) => {
    const report = await open(path);
    expect(report.ok).toBe(ok);
    expect(report.text).toContain(text);
  });

  test('an address nobody answers at, one that is none and one outside the workspace are refused in words', async () => {
    const refused = await browser.navigate('http://127.0.0.1:1/', signal);
    expect(refused).toMatchObject({ ok: false });
    expect((await browser.navigate('http://', signal)).text).toContain('is not an address');
    expect(await browser.navigate('file:///etc/passwd', signal)).toMatchObject({ ok: false, reason: 'refused' });
  });

  test('another session on the same browser finds its page, as a restarted server does', async () => {
    await open('/thanks');
    using next = fresh();
    expect((await next.view(signal)).text).toContain('Page: Thanks');
    expect((await browser.view(signal)).text).toContain('was started again'); // the first browser's connection was cut
  });

  test('a call whose signal fires is over at once', async () => {
    const stop = new AbortController();
    const going = browser.navigate(`${shop.url}/hang`, stop.signal);
    stop.abort();
    await expect(going).rejects.toMatchObject({ code: 'cancelled' });
    expect(await open('/thanks')).toMatchObject({ ok: true });
  });
});

describe('F126 the browser at its worst', () => {
  test('F126 a crash of the page is reported, and the next address opens', async () => {
    await open('/thanks');
    const crashed = await browser.navigate('chrome://crash', signal);
    expect(crashed.ok).toBe(false);
    expect(crashed.text).toContain('crashed');
    expect(await open('/thanks')).toMatchObject({ ok: true });
  });

  test('F126 a browser that is killed is started again and reported', async () => {
    await open('/thanks');
    await chromium.kill();
    const { ok, text } = await open('/thanks');
    expect(ok).toBe(true);
    expect(text).toContain('was started again');
  });

  test('F126 a page that hangs is reported within its time, and can be left', async () => {
    using browser = fresh({ answerMs: 1_500, navigationMs: 1_500 });
    const open = (path: string) => browser.navigate(`${shop.url}${path}`, signal);
    await open('/hang');
    expect(await browser.view(signal)).toMatchObject({ ok: false, reason: 'timed_out' });
    const next = await open('/thanks');
    expect(next.ok).toBe(true);
    expect(next.text).toContain('no longer responded');
  });

  test('F126 a page that opens 500 tabs keeps only the newest ones, and a restart none', async () => {
    await open('/many-tabs');
    await expect.poll(async () => (await browser.view(signal)).text).toMatch(/tab \d of 5|the oldest was closed/);
    const before = chromium.starts();
    const { ok, text } = await browser.restart(`${shop.url}/thanks`, signal);
    expect({ ok, starts: chromium.starts() }).toEqual({ ok: true, starts: before + 1 });
    expect(text).toContain('Page: Thanks');
    expect(text).not.toContain('tab 1');
  });

  test('F126 a page with an endless dialog is closed and reported', async () => {
    const { text } = await open('/endless-dialogs');
    expect(text).toContain('more than 10 dialogs in a row');
    expect(await open('/thanks')).toMatchObject({ ok: true });
  });

  test.each(['/endless', '/announced'])('F126 a download beyond the cap is stopped: %s', async (path) => {
    const { text } = await open(path);
    expect(text).toContain('was stopped: it exceeds the limit of 1 MiB');
    expect(await open('/thanks')).toMatchObject({ ok: true });
  });
});

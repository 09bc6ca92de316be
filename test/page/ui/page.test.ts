import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { browse } from '../../support/clients/browser.ts';
import { axeFinds, deskTest, typeInto, wide } from './desk.ts';

const test = deskTest();

async function say(page: Page, text: string) {
  await typeInto(page.getByLabel('Message'), text);
  await page.keyboard.press('Enter');
}
/** The end of a run, as a person reads it. */
const ends = (page: Page) => page.locator('.ended').filter({ hasText: /^Done after / });
const finished = (page: Page) => ends(page).last().waitFor();
const overflow = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

const task = async (page: Page) => {
  await page.getByText('What should we work on?').waitFor();
  const long = `w${'x'.repeat(300)}`;
  await say(page, `Greet\n${fence('sh', `echo hello from here; echo ${long}`)}\n${fence('file:a.txt', 'one\ntwo')}`);
  await finished(page);
};

test('a person opens a session, gives it a task and sees the plan, the tool calls and the result', async ({ desk }) => {
  const { page, complaints } = await desk.open();
  await task(page);
  expect(page.url()).toMatch(/#[0-9a-f]{16}$/);
  expect(await page.locator('h1').textContent()).toBe('Greet');
  expect(await page.locator('.console').first().textContent()).toContain('hello from here');
  expect(await page.locator('.diff .added').allTextContents()).toEqual(['+ one', '+ two']);
  expect(await overflow(page)).toBe(0);
  await page.getByRole('button', { name: /^Plan/ }).click();
  const steps = page.locator('#plan li');
  const statuses = () => steps.evaluateAll((all) => all.map((one) => one.getAttribute('data-status')));
  await expect.poll(statuses).toEqual(['completed', 'completed']);
  expect(await steps.first().isVisible()).toBe(true);
  await page.getByRole('tab', { name: 'Cost' }).click();
  await page
    .getByRole('region', { name: 'This session' })
    .getByText(/[0-9.]+K? input tokens/)
    .waitFor();
  expect(complaints).toEqual([]);
});

test('a keyboard user can send, insert a new line, stop, answer and delete', async ({ desk }) => {
  const { page, complaints } = await desk.open();
  await expect.poll(() => page.evaluate('document.activeElement?.id')).toBe('message');
  await page.keyboard.type('First line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('```sh');
  for (const line of ['sleep 60', '```']) {
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type(line);
  }
  await page.keyboard.press('Enter');
  await page.locator('.tool[data-status=running]').waitFor();
  await page.getByRole('button', { name: 'Stop' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.ended').getByText('Stopped', { exact: true }).waitFor();
  await page.getByLabel('Message').focus();
  await say(page, `Ask\n${fence('ask', 'Which colour?')}`);
  await page.getByText('The agent is waiting for your answer.').waitFor();
  await say(page, 'blue');
  await finished(page);
  expect(await page.getByText('The agent is waiting for your answer.').count()).toBe(0);
  expect(await page.locator('.chat-message.assistant').allTextContents()).toContainEqual(
    expect.stringContaining('blue'),
  );
  await page.getByRole('button', { name: 'Delete session' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Delete', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('What should we work on?').waitFor();
  await page.getByText('Your sessions will appear here.').waitFor();
  expect(complaints).toEqual([]);
});

test('the page treats nothing from a message, a model or a command as markup or script', async ({ desk }) => {
  const { page, complaints } = await desk.open('about:blank');
  let calls = 0;
  page.on('dialog', (dialog) => {
    calls++;
    return dialog.dismiss();
  });
  await page.goto('/');
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  const links = '[a](javascript:alert(3)) [b](https://example.com/) <b>c</b>';
  await say(
    page,
    `${evil} ${links}\n${fence('sh', `printf '%s\\n' '${evil}'; echo '\x1b[31mred\x1b[0m \x1b]0;title\x07end'`)}\n${fence('file:x.html', evil)}`,
  );
  await finished(page);
  expect(await page.locator('.items img, .items script, .items b, h1 .title *').count()).toBe(0);
  expect(
    await page.locator('.items a').evaluateAll((all) => all.map((one) => one.getAttribute('href'))),
  ).not.toContainEqual(expect.stringContaining('javascript:'));
  const console = await page.locator('.console').first().textContent();
  expect(console).toContain(`${evil}\nred end\n`);
  expect(await page.locator('.console span[style]').first().textContent()).toBe('red');
  expect([calls, complaints]).toEqual([0, []]);
});

test('a message sent before the page is connected arrives after it connects', { tags: ['all'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open('about:blank');
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await page.route('**/trpc/system.info', async (route) => {
    arrived.resolve();
    await answer.promise;
    await route.continue();
  });
  await page.goto('/');
  await arrived.promise;
  await say(page, `Early\n${fence('sh', 'echo early')}`);
  await expect.poll(() => page.locator('#send').isDisabled()).toBe(true);
  answer.resolve();
  await finished(page);
  expect(await page.locator('.chat-message.user').allTextContents()).toEqual([expect.stringContaining('Early')]);
  expect(complaints).toEqual([]);
});

test('the token of the link leaves the address bar and lasts for the tab; without one the page asks', async ({
  desk,
  skip,
}) => {
  const { key } = await desk.server.core.keys.create({ name: 'link', role: 'user' });
  const { page, context: browser } = await browse({ skip }, wide);
  const { url } = desk.server;
  await page.goto(`${url}/?token=${encodeURIComponent(key)}`);
  await page.getByText('Demo (no AI) · memory').waitFor();
  expect(page.url()).toBe(`${url}/`);
  await say(page, 'Say hello');
  await finished(page);
  await page.reload();
  await finished(page);

  const other = await browser.newPage();
  await other.goto(`${url}/static/index.html`);
  await other.getByRole('textbox', { name: 'Token' }).waitFor();
  await other.keyboard.type('wrong'); // the field has the focus
  await other.keyboard.press('Enter');
  await other.getByRole('heading', { name: 'This token is not valid' }).waitFor();
  await typeInto(other.getByRole('textbox', { name: 'Token' }), key);
  await other.keyboard.press('Enter');
  await expect.poll(() => other.locator('.session').count()).toBe(1);
});

test('the page shows changes by other clients at once, also that they deleted the session', async ({ desk }) => {
  const { page } = await desk.open();
  const body = JSON.stringify({ task: 'Made elsewhere' });
  const made = await (await desk.fetch('/api/sessions', { method: 'POST', body })).json();
  const id = (made as { session_id: string }).session_id;
  await page.getByRole('link', { name: 'Made elsewhere' }).click();
  await desk.call('runs.send', { sessionId: id, text: `Sent elsewhere\n${fence('sh', 'echo elsewhere')}` });
  await finished(page);
  expect(await page.locator('h1').textContent()).toBe('Sent elsewhere');
  const again = page.waitForRequest(/system\.info/); // settings can change while nobody looks at the page
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
  await again;
  await desk.call('sessions.delete', { id });
  await page.getByText('What should we work on?').waitFor();
  await page.getByText('The session was deleted.').waitFor();
  await page.goto(`/#${id}`);
  await page.getByText('Session not found.').waitFor();
});

// test/wire/http/server.test.ts asks for `/redoc`, too.
test('/docs shows the API in a browser that can reach only this server', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open('about:blank');
  const { url } = desk.server;
  const elsewhere: string[] = [];
  const note = (at: string) => {
    if (!at.startsWith(url) && !/^(data|blob|about):/.test(at)) elsewhere.push(at);
  };
  page.on('requestfinished', (request) => note(request.url()));
  page.on('requestfailed', (request) => {
    // The content security policy blocked that request.
    if (request.failure()?.errorText !== 'csp') note(request.url());
  });
  await page.goto('/docs');
  await page.locator('#operations-tag-Crogia').click(); // the sections begin closed
  await page.locator('text=Run a task in a session >> visible=true').first().waitFor();
  expect(await axeFinds(page)).toEqual([]);
  expect(elsewhere).toEqual([]);
  expect(complaints.filter((text) => !text.includes('Content Security Policy'))).toEqual([]);
});

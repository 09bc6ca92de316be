// @module-tag all
import type { Page } from 'playwright-core';
import { afterAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { api, fence } from '../../support/clients/api.ts';
import { browse } from '../../support/clients/browser.ts';
import { onFailureTellOf } from '../../support/runner/on-failure.ts';
import { testRows } from '../../support/runner/tags.ts';
import { needs } from '../../support/servers/components.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { axeFinds } from './desk.ts';

/** The server that tests without settings of their own share; each of them removes its sessions. */
let shared: Promise<ServerProcess> | undefined;
afterAll(async () => await (await shared)?.[Symbol.asyncDispose]());

const opened = (settings: Record<string, string>) =>
  serverProcess({
    CORRAL_DRIVER: 'memory',
    CORRAL_EGRESS_POLICY: 'none',
    CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    ...settings,
  });

async function started(context: TestContext): Promise<ServerProcess> {
  await needs(context, 'chromium');
  shared ??= opened({});
  const server = await shared;
  const client = api(server.url);
  onTestFinished(async () => {
    const { sessions } = (await client.ask('GET', '')).body.data as { sessions: { session_id: string }[] };
    await Promise.all(sessions.map(({ session_id }) => client.remove(session_id)));
  });
  onFailureTellOf(server);
  return server;
}
async function startedAlone(context: TestContext, settings: Record<string, string> = {}): Promise<ServerProcess> {
  await needs(context, 'chromium');
  const server = await opened(settings);
  onTestFinished(() => server[Symbol.asyncDispose]());
  onFailureTellOf(server);
  return server;
}
const desktop = { width: 1280, height: 800 };
const phone = { width: 375, height: 812, dark: true };

async function say(page: Page, text: string) {
  await page.getByLabel('Message').fill(text);
  await page.keyboard.press('Enter');
}
/** The end of a run, as a person reads it. */
const ends = (page: Page) => page.locator('.ended').filter({ hasText: /^Done in / });
const finished = (page: Page) => ends(page).last().waitFor();
const overflow = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

describe.each([
  ['a desktop', desktop],
  ['a phone', phone],
])('on %s', (_where, size) => {
  test('a person opens a session, gives it a task and sees the plan, the tool calls and the result', async (context) => {
    const server = await started(context);
    const { page, complaints } = await browse(context, size);
    await page.goto(server.url);
    await page.getByText('What shall be done?').waitFor();
    const long = `w${'x'.repeat(300)}`;
    await say(page, `Greet\n${fence('sh', `echo hello from here; echo ${long}`)}\n${fence('file:a.txt', 'one\ntwo')}`);
    await finished(page);
    expect(page.url()).toMatch(/#[0-9a-f]{16}$/);
    expect(await page.locator('h1').textContent()).toBe('Greet');
    expect(await page.locator('.console').first().textContent()).toContain('hello from here');
    expect(await page.locator('.diff .added').allTextContents()).toEqual(['+ one', '+ two']);
    expect(await overflow(page)).toBe(0);

    await page.getByRole('button', { name: /^Plan/ }).click();
    const isPhone = size.width < 860;
    const steps = page.locator('#plan li');
    await expect.poll(() => steps.count()).toBe(2);
    expect(await steps.evaluateAll((all) => all.map((one) => one.getAttribute('data-status')))).toEqual([
      'completed',
      'completed',
    ]);
    expect(await steps.first().isVisible()).toBe(true);
    if (isPhone) await page.getByRole('button', { name: 'Work', exact: true }).click();
    await page.getByRole('tab', { name: 'Cost' }).click();
    await page
      .getByRole('region', { name: 'This session' })
      .getByText(/[0-9.]+K? in/)
      .waitFor();
    expect(await page.getByText('finished', { exact: true }).first().isVisible()).toBe(true);
    expect(await overflow(page)).toBe(0);
    expect(complaints).toEqual([]);
  });
});

test('a keyboard user can send, insert a new line, stop, answer and delete', async (context) => {
  const server = await started(context);
  const { page, complaints } = await browse(context, desktop);
  await page.goto(server.url);
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
  await page.getByText('The agent waits for your answer.').waitFor();
  await say(page, 'blue');
  await finished(page);
  expect(await page.getByText('The agent waits for your answer.').count()).toBe(0);
  expect(await page.locator('.said.assistant').allTextContents()).toContainEqual(expect.stringContaining('blue'));
  await page.getByRole('button', { name: 'Delete this session' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Delete', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('What shall be done?').waitFor();
  await page.getByText('Your sessions appear here.').waitFor();
  expect(complaints).toEqual([]);
});

test('the page treats nothing from a message, a model or a command as markup or script', async (context) => {
  const server = await started(context);
  const { page, complaints } = await browse(context, desktop);
  let asked = 0;
  page.on('dialog', (dialog) => {
    asked++;
    return dialog.dismiss();
  });
  await page.goto(server.url);
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
  expect(await page.locator('.console .ansi-1').first().textContent()).toBe('red');
  expect([asked, complaints]).toEqual([0, []]);
});

test('a message sent before the page is connected arrives after it connects', async (context) => {
  const server = await started(context);
  const { page, complaints } = await browse(context, desktop);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await page.route('**/trpc/system.info', async (route) => {
    asked.resolve();
    await answer.promise;
    await route.continue();
  });
  await page.goto(server.url);
  await asked.promise;
  await say(page, `Early\n${fence('sh', 'echo early')}`);
  await expect.poll(() => page.locator('#send').isDisabled()).toBe(true);
  answer.resolve();
  await finished(page);
  expect(await page.locator('.said.user').allTextContents()).toEqual([expect.stringContaining('Early')]);
  expect(complaints).toEqual([]);
});

test('a call that needs approval shows its action, and two buttons approve or reject it', async (context) => {
  const server = await startedAlone(context, { CORRAL_APPROVALS_TOOLS: 'shell_exec' });
  const { page, complaints } = await browse(context, desktop);
  await page.goto(server.url);
  await say(page, `Try\n${fence('sh', 'echo allowed')}\n${fence('sh', 'echo forbidden')}`);
  const card = page.getByRole('group', { name: 'Approval' });
  await card.getByText('echo allowed').waitFor();
  await card.getByRole('button', { name: 'Approve', exact: true }).click();
  await page.locator('.tool').getByText('Approved.').waitFor();
  await card.getByText('echo forbidden').waitFor();
  await card.getByRole('button', { name: 'Reject', exact: true }).click();
  await page.locator('.tool').getByText('Rejected.').waitFor();
  await finished(page);
  expect(await card.count()).toBe(0);
  expect(await page.locator('.tool').evaluateAll((all) => all.map((one) => one.getAttribute('data-status')))).toEqual([
    'completed',
    'failed',
  ]);
  expect(complaints).toEqual([]);
});

test('a page that lost the server reconnects by itself and continues after the last event it saw', async (context) => {
  const server = await startedAlone(context);
  const { page } = await browse(context, desktop);
  await page.goto(server.url);
  await say(page, `Before\n${fence('sh', 'echo before')}`);
  await finished(page);
  server.kill('SIGTERM');
  await page.getByText('The connection to the server is lost. Reconnecting…').waitFor();
  await server.restart();
  await page
    .getByText('The connection to the server is lost. Reconnecting…')
    .waitFor({ state: 'hidden', timeout: 45_000 });
  await say(page, `After\n${fence('sh', 'echo after')}`);
  await expect.poll(() => ends(page).count()).toBe(2);
  expect(await page.locator('.said.user').count()).toBe(2);
  expect(await page.locator('.tool').count()).toBe(2);
});

test('the token comes with the link, disappears from the address bar and lasts for the tab; without one the page asks', async (context) => {
  const server = await startedAlone(context, { CORRAL_TOKEN: 'right+/token' });
  const { page, context: browser } = await browse(context, desktop);
  await page.goto(`${server.url}/?token=${encodeURIComponent('right+/token')}`);
  await page.getByText('demo · memory').waitFor();
  expect(page.url()).toBe(`${server.url}/`);
  await say(page, 'hello');
  await finished(page);
  await page.reload();
  await finished(page);

  const other = await browser.newPage();
  await other.goto(`${server.url}/static/index.html`);
  await other.getByRole('textbox', { name: 'Token' }).waitFor();
  await other.keyboard.type('wrong'); // the field has the focus
  await other.keyboard.press('Enter');
  await other.getByRole('heading', { name: 'That token is not valid' }).waitFor();
  await other.getByRole('textbox', { name: 'Token' }).fill('right+/token');
  await other.keyboard.press('Enter');
  await expect.poll(() => other.locator('.session').count()).toBe(1);
});

test('the page shows changes by other clients at once, and says that they deleted the open session', async (context) => {
  const server = await started(context);
  const { page } = await browse(context, desktop);
  await page.goto(server.url);
  const created = await fetch(`${server.url}/api/sessions`, {
    method: 'POST',
    body: JSON.stringify({ task: 'Made elsewhere' }),
  });
  const { session_id } = (await created.json()) as { session_id: string };
  await page.getByRole('link', { name: 'Made elsewhere' }).click();
  const task = `Sent elsewhere\n${fence('sh', 'echo elsewhere')}`;
  await fetch(`${server.url}/api/sessions/${session_id}/tasks`, { method: 'POST', body: JSON.stringify({ task }) });
  await finished(page);
  expect(await page.locator('h1').textContent()).toBe('Sent elsewhere');
  await fetch(`${server.url}/sessions/${session_id}`, { method: 'DELETE' });
  await page.getByText('What shall be done?').waitFor();
  await page.getByText('The session was deleted.').waitFor();
  await page.goto(`${server.url}/#${session_id}`);
  await page.getByText('There is no session at this address.').waitFor();
});

// test/wire/http/server.test.ts asks for both.
testRows(['/docs', '/redoc'])(
  '%s shows the API in a browser that can reach only this server',
  async (path, context) => {
    const server = await started(context);
    const { page, complaints } = await browse(context, desktop);
    const elsewhere: string[] = [];
    const note = (url: string) => {
      if (!url.startsWith(server.url) && !/^(data|blob):/.test(url)) elsewhere.push(url);
    };
    page.on('requestfinished', (request) => note(request.url()));
    page.on('requestfailed', (request) => {
      // The content security policy blocked that request.
      if (request.failure()?.errorText !== 'csp') note(request.url());
    });
    await page.goto(server.url + path);
    if (path === '/docs') await page.locator('#operations-tag-Crogia').click(); // the sections begin closed
    await page.locator('text=Run a task in a session >> visible=true').first().waitFor();
    if (path === '/docs') expect(await axeFinds(page)).toEqual([]);
    expect(elsewhere).toEqual([]);
    expect(complaints.filter((text) => !text.includes('Content Security Policy'))).toEqual([]);
  },
);

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { fence } from '../../support/clients/api.ts';
import { fact } from '../../support/machines/session-parts.ts';
import { axeFinds, deskTest, phone, redDot, scrollTo, typeInto } from './desk.ts';

// The conversation and its sandbox as a person sees them. `boxed`: commands run in a sandbox, so they have exit codes
// and output.
const test = deskTest();
const boxed = deskTest({ CORRAL_DRIVER: 'process' });

const ended = (at: Page, count = 1) => expect.poll(() => at.locator('.ended').count()).toBe(count);
const message = (at: Page) => at.getByRole('textbox', { name: 'Message' });
const plan = (at: Page) => at.getByRole('button', { name: /^Plan/ });

test('Markdown is drawn as tables, lists, tasks and code to copy', { tags: ['all'] }, async ({ desk }) => {
  const list = '- one\n  - inside one\n- [x] done';
  const id = await desk.worked(
    `Report\n\n| city | people |\n|---|---|\n| Oslo | 7 |\n\n${list}\n\n${fence('ts', 'const x = 1;')}`,
  );
  const { page } = await desk.open(`/#${id}`);
  const reply = page.getByRole('article', { name: 'You' });
  await expect.poll(() => reply.getByRole('cell').allTextContents()).toEqual(['Oslo', '7']);
  expect(await reply.locator('li li').allTextContents()).toEqual(['inside one']);
  expect(await reply.getByRole('checkbox').isChecked()).toBe(true);
  await reply.locator('pre span').getByText('const', { exact: true }).waitFor();
  await reply.locator('.code').getByRole('button', { name: 'Copy' }).click();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('const x = 1;');
});

boxed("a picture of the workspace is shown in the agent's message", { tags: ['nightly'] }, async ({ desk }) => {
  const { id } = await desk.call('sessions.create', {});
  await desk.fetch(`/streams/sessions/${id}/file?path=dot.png`, { method: 'PUT', body: redDot });
  await desk.call('runs.send', { sessionId: id, text: fence('ask', 'Look at this: ![a red dot](dot.png)') });
  const { page } = await desk.open(`/#${id}`);
  const picture = page.getByRole('article', { name: 'Agent' }).getByRole('img', { name: 'a red dot' });
  await expect
    .poll(() => picture.evaluate((node) => (node as unknown as { naturalWidth: number }).naturalWidth))
    .toBe(5);
});

boxed('a tool call shows how long it took and how it ended, and folds', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked(`Try\n${fence('sh', 'echo before; exit 3')}`);
  const { page } = await desk.open(`/#${id}`);
  await ended(page);
  const card = page.getByRole('group', { name: 'Run' }).first();
  await card.getByText('exit code 3', { exact: true }).waitFor();
  await card.getByText(/^\d+(\.\d)? m?s$/).waitFor();
  expect(await card.locator('.console').textContent()).toContain('\nbefore\n');
  await card.locator('.tool-head').click();
  expect(await card.locator('.console').count()).toBe(0);
});

boxed('10,000 lines of output are drawn as the few in view, and scroll', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked(`Count\n${fence('sh', 'seq 1 10000')}`);
  const { page } = await desk.open(`/#${id}`);
  await ended(page);
  await page.getByRole('button', { name: 'Show all 10,000 lines' }).click();
  const lines = page.getByRole('group', { name: 'Output' });
  await lines.getByText('1', { exact: true }).waitFor();
  expect(await lines.locator('.line').count()).toBeLessThan(100);
  for (let n = 1; n <= 20; n++) await scrollTo(lines, n * 10_000);
  await scrollTo(lines);
  await lines.getByText('10000', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Show less' }).click();
  await expect.poll(() => lines.count()).toBe(0);
});

test('a long plan is folded to its current step, and unfolds', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked(
    `Six\n${fence('sh', 'true').concat('\n').repeat(4)}${fence('ask', 'Which?')}\n${fence('sh', 'true')}`,
  );
  const { page } = await desk.open(`/#${id}`);
  await page.getByText('The agent is waiting for your answer.').waitFor();
  expect(await plan(page).getAttribute('aria-expanded')).toBe('false');
  expect(await plan(page).textContent()).toContain('4 of 6Ask a question');
  expect(await page.locator('#plan li').first().isVisible()).toBe(false);
  await plan(page).click();
  expect(
    await page.locator('#plan li').evaluateAll((all) => all.map((one) => one.getAttribute('data-status'))),
  ).toEqual([...Array(4).fill('completed'), ...['running', 'pending']]);
});

test('after a failure a person reads why, tries again, continues, or edits and sends the message', async ({ desk }) => {
  const id = await desk.worked(`Fail\n${fence('fail', 'The model refused.')}`);
  const { page } = await desk.open(`/#${id}`);
  await ended(page);
  const log = page.getByRole('log', { name: 'Conversation' });
  await log.getByRole('article', { name: 'Agent' }).first().waitFor();
  await log.getByRole('alert').getByText('The model refused.').waitFor();
  expect(await log.ariaSnapshot()).toMatch(/article "You".+article "Agent".+ alert:/s);
  const reply = await page.locator('.ended').innerText();
  expect(reply).toContain('The model provider failed.');
  expect(reply).not.toMatch(/_|Reason:|\b0 ms/);
  await page.getByRole('button', { name: 'Try again' }).click();
  await ended(page, 2);
  await page.locator('.ended').last().getByRole('button', { name: 'Continue' }).click();
  await ended(page, 3);
  await page.locator('.ended[data-status=answered]').waitFor();
  const mine = page.getByRole('article', { name: 'You' });
  expect(await mine.last().textContent()).toContain('Continue where you left off.');
  await mine.last().hover();
  await mine.last().getByRole('button', { name: 'Edit' }).click();
  const edited = page.getByRole('textbox', { name: 'Edited message' });
  const focused = () => page.evaluate('document.activeElement.ariaLabel');
  await expect.poll(focused).toBe('Edited message');
  expect(await edited.inputValue()).toBe('Continue where you left off.');
});

test('a draft belongs to its session and survives a reload', { tags: ['nightly'] }, async ({ desk }) => {
  const [first, second] = [await desk.worked('One'), await desk.worked('Two')];
  const { page } = await desk.open(`/#${first}`);
  await typeInto(message(page), 'not sent yet');
  await page.goto(`/#${second}`);
  await expect.poll(() => message(page).inputValue()).toBe('');
  await page.goto(`/#${first}`);
  await page.reload();
  await expect.poll(() => message(page).inputValue()).toBe('not sent yet');
});

boxed('a message while the agent works is offered and shown as steering', async ({ desk }) => {
  const id = await desk.worked(
    `Wait\n${fence('sh', 'until [ -e go ]; do sleep 0.1; done')}\n${fence('sh', 'echo after')}`,
  );
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  await page.getByText('Working… The agent reads your message after the current step.').waitFor();
  await typeInto(message(page), 'Mind the gap');
  await page.getByRole('button', { name: 'Steer agent' }).click();
  const steering = page.getByRole('article', { name: 'You' }).filter({ hasText: 'Mind the gap' });
  await steering.getByText('sent during the run').waitFor();
  await desk.call('sandbox.exec', { sessionId: id, command: 'touch go' });
  await ended(page);
});

test('each state of a session has its own sign and word', { tags: ['all'] }, async ({ desk }) => {
  const states = {
    failed: await desk.worked('It fails\n```fail\nno\n```', { title: 'It fails' }),
    waiting: await desk.worked('It waits\n```ask\nWhich?\n```', { title: 'It waits' }),
    stopped: await desk.worked('It is stopped\n```sh\nsleep 60\n```', { title: 'It is stopped' }),
    running: await desk.worked('It works\n```sh\nsleep 60\n```', { title: 'It works' }),
    finished: await desk.worked('It is done', { title: 'It is done' }),
    new: (await desk.call('sessions.create', { title: 'It is new' })).id,
  };
  const words = { failed: 'failed', waiting: 'waiting for you', stopped: 'stopped', running: 'working' };
  const { page } = await desk.open(`/#${states.stopped}`);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await ended(page);
  const looks = new Set<string>();
  for (const [state, id] of Object.entries(states)) {
    const row = page.locator('.session').filter({ has: page.locator(`a[href="#${id}"]`) });
    const dot = row.locator('.dot');
    await expect.poll(() => dot.getAttribute('data-status')).toBe(state);
    looks.add(
      await page.evaluate(`(() => {
        const look = getComputedStyle(document.querySelector('.session-link[href="#${id}"] .dot'));
        return [look.backgroundColor, look.borderRadius, look.borderTopWidth, look.transform, look.animationName].join();
      })()`),
    );
    await page.goto(`/#${id}`);
    const word = words[state as keyof typeof words] ?? state;
    await page.locator('.bar .chip').getByText(word, { exact: true }).waitFor();
  }
  expect(looks.size).toBe(Object.keys(states).length);
  await desk.call('runs.stop', { sessionId: states.running });
});

boxed(
  'opening a session whose sandbox is stopped does not start it, and every tab offers to',
  { tags: ['all'] },
  async ({ desk }) => {
    const id = await desk.worked(`Work\n${fence('file:a.txt', 'kept')}`);
    const first = await desk.open(`/#${id}`);
    await ended(first.page);
    await desk.call('sandbox.stop', { sessionId: id });
    const { page } = await desk.open(`/#${id}`);
    await ended(page);
    await page.getByRole('tab', { name: 'Files' }).click();
    await page.getByText('The sandbox is not running. Its files are kept. Showing them starts the sandbox.').waitFor();
    for (const [tab, ready] of [
      ['Terminal', page.getByRole('button', { name: 'New terminal' }).first()],
      ['Desktop', page.getByText('This sandbox has no desktop')],
      ['Timeline', page.getByRole('slider', { name: 'Position in the timeline' })],
      ['Cost', page.getByRole('region', { name: 'This session' })],
    ] as const) {
      await page.getByRole('tab', { name: tab }).click();
      await ready.waitFor();
    }
    const input = encodeURIComponent(JSON.stringify({ sessionId: id }));
    const requested = await desk.fetch(`/trpc/sandbox.status?input=${input}`);
    expect(await requested.json()).toMatchObject({ result: { data: { state: 'stopped' } } });
    await page.getByRole('tab', { name: 'Files' }).click();
    await page.getByRole('button', { name: 'Show files' }).click();
    await page.getByRole('treeitem', { name: 'a.txt' }).waitFor();
  },
);

test('on a phone Enter begins a new line, and title, status and stop stay in view', async ({ desk }) => {
  const id = await desk.worked(`Wait\n${fence('sh', 'sleep 60')}`, { title: 'In my pocket' });
  const { page } = await desk.open(`/#${id}`, { ...phone, hasTouch: true });
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  await message(page).click();
  await page.keyboard.type('one');
  await page.keyboard.press('Enter');
  await page.keyboard.type('two');
  expect(await message(page).inputValue()).toBe('one\ntwo');
  await page.getByRole('button', { name: 'Work', exact: true }).click();
  expect(await page.locator('h1').textContent()).toBe('In my pocket');
  expect(await page.locator('.bar .chip').isVisible()).toBe(true);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.locator('.bar .chip').getByText('stopped', { exact: true }).waitFor();
});

test('theme and language change at once, and stay, on a phone too', { tags: ['all'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open();
  const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  await page.keyboard.press('Control+,');
  const light = await background();
  await page.getByText('Dark', { exact: true }).click();
  await expect.poll(background).not.toBe(light);
  await page.getByText('Deutsch', { exact: true }).click();
  await page.keyboard.press('Escape');
  await page.reload();
  await page.getByRole('button', { name: 'Neue Sitzung' }).first().waitFor();
  expect(await page.evaluate('document.documentElement.lang')).toBe('de');
  expect(await background()).not.toBe(light);
  await page.setViewportSize(phone);
  await page.getByRole('textbox', { name: 'Nachricht' }).waitFor();
  await page.getByRole('heading', { name: 'Noch kein Modell eingerichtet' }).waitFor();
  expect(await page.locator('.welcome').innerText()).not.toMatch(/\b(the|and|with|your|session)\b/i);
  expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
  expect(complaints).toEqual([]);
});

test('the work pane changes its width by keyboard and dragging', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked('Wide');
  const { page } = await desk.open(`/#${id}`);
  const divider = page.getByRole('separator', { name: 'Work pane width' });
  const width = async () => Math.round((await page.locator('.work').boundingBox())?.width ?? 0);
  const before = await width();
  await divider.press('ArrowLeft');
  await expect.poll(width).toBe(before + 32);
  const at = await divider.boundingBox();
  await page.mouse.move((at?.x ?? 0) + 2, 300);
  await page.mouse.down();
  await page.mouse.move((at?.x ?? 0) - 98, 300);
  await page.mouse.up();
  await expect.poll(width).toBeGreaterThan(before + 100);
  const after = await width();
  await page.reload();
  await expect.poll(width).toBe(after);
});

test('a session is renamed despite a break, and the next one opened, by keyboard', { tags: ['all'] }, async ({
  desk,
}) => {
  await desk.worked('Another one');
  const id = await desk.worked('A name');
  const { page } = await desk.open();
  let breakConnection = () => Promise.resolve();
  await page.routeWebSocket(/\/trpc/, (socket) => {
    socket.connectToServer();
    breakConnection = () => socket.close({ code: 3_000 });
  });
  await page.goto(`/#${id}`);
  await page.reload();
  await ended(page);
  await page.locator('.title').filter({ hasText: 'A name' }).waitFor(); // the list has arrived too
  await page.keyboard.press('F2');
  await breakConnection();
  await desk.call('sessions.update', { id, title: 'A title from elsewhere' });
  await page.locator('.session').filter({ hasText: 'A title from elsewhere' }).waitFor();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('A better name');
  await page.keyboard.press('Enter');
  await page.locator('.session').filter({ hasText: 'A better name' }).waitFor();
  await page.keyboard.press('F2');
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('long '.repeat(60));
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('at most 255 characters').waitFor();
  const listed = await page.locator('.session-link').evaluateAll((all) => all.map((one) => one.getAttribute('href')));
  await page.keyboard.press('Alt+j');
  await expect.poll(() => new URL(page.url()).hash).toBe(listed[listed.indexOf(`#${id}`) + 1]);
});

test('the start of a sandbox is a line with phase, layer and seconds', { tags: ['all'] }, async ({ desk }) => {
  const id = await desk.worked('Begin');
  const { page } = await desk.open(`/#${id}`);
  await ended(page);
  await desk.tell(id, fact('sandbox.phase', { phase: 'image', detail: 'layer 2 of 9: RUN apt-get' }, null));
  await page.reload();
  const line = page.locator('.phase').filter({ hasText: 'Preparing sandbox image · layer 2 of 9: RUN apt-get' });
  await line.waitFor();
  const seconds = async () => Number(/(\d+) s$/.exec((await line.textContent()) ?? '')?.[1] ?? 0);
  await expect.poll(seconds).toBeGreaterThan(0);
  const before = await seconds();
  await expect.poll(seconds).toBeGreaterThan(before);
});

test('the environment is a line that unfolds, a sub-agent a card', { tags: ['all'] }, async ({ desk }) => {
  const child = await desk.worked('Count the boats');
  const id = await desk.worked('Begin');
  const { page, complaints } = await desk.open(`/#${id}`);
  await ended(page);
  const args = { task: 'Count the boats' };
  const output = `The child ${child}: completed, 1 turn, 9 tokens.\nChanged files:\nM boats.md\nIts last words:\n**Seven** boats.`;
  const call = { callId: randomUUID(), tool: 'delegate', function: 'delegate', args } as const;
  const repository = (kind: 'fetching' | 'ready', detail: string) =>
    fact('repository', { kind, url: 'https://a.example/shop.git', path: 'shop', detail }, null);
  await desk.tell(
    id,
    repository('fetching', 'Fetching https://a.example/shop.git into shop.'),
    repository('ready', 'https://a.example/shop.git is in shop, on the branch main, at 1.'),
    fact('tool.calling', call, null),
    fact('child.started', { sessionId: SessionId.parse(child), callId: call.callId, ...args }, null),
    fact('tool.called', { ...call, success: true, output, content: null }, null),
  );
  await page.reload();
  const card = page.getByRole('region', { name: 'sub-agent' });
  await card.getByText('finished').waitFor(); // the last part that loads
  const line = page.locator('.phase').filter({ hasText: 'Sandbox ready' }).last();
  await line.locator('summary').press('Enter');
  await line.getByText('is in shop, on the branch main').waitFor();
  await card.getByText('Result').press('Enter');
  await card.locator('strong', { hasText: 'Seven' }).waitFor();
  await card.getByText('M boats.md').waitFor();
  expect(await card.textContent()).not.toContain('tokens');
  expect(await axeFinds(page)).toEqual([]);
  await card.getByRole('button', { name: 'Open' }).press('Enter');
  await expect.poll(() => new URL(page.url()).hash).toBe(`#${child}`);
  expect(complaints).toEqual([]);
});

test('a shortened conversation is a line that unfolds into the summary', { tags: ['nightly'] }, async ({ desk }) => {
  const { id } = await desk.call('sessions.create', {});
  const compacted = (data: { kind: 'summary' | 'results'; summary: string | null }) =>
    fact('context.compacted', { uptoSeq: 1, before: 30_000, after: 9_000, model: null, ...data }, null);
  const summary = '## State\n<b>Two</b> files were read.';
  await desk.tell(id, compacted({ kind: 'summary', summary }), compacted({ kind: 'results', summary: null }));
  const { page, complaints } = await desk.open(`/#${id}`);
  const text = page.getByText('<b>Two</b> files were read.'); // as text, never as HTML
  await page.getByText('The conversation so far was summarized').waitFor();
  expect(await text.isVisible()).toBe(false);
  await page.getByText('The conversation so far was summarized').click();
  await text.waitFor();
  await page
    .getByText('Older results were removed from the model’s context. Reduced from about 30000 to 9000 tokens.')
    .waitFor();
  expect(await page.locator('details.compacted').count()).toBe(1);
  expect(complaints).toEqual([]);
});

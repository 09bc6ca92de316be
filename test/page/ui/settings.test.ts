// @module-tag all
import { afterAll, expect } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, type Desk, deskTest, openSettings, typeInto } from './desk.ts';

const fake = await fakeProvider('compatible', () => ({ text: 'The fake has answered.' }));
afterAll(() => fake[Symbol.asyncDispose]());
const priced = fakeRefs.compatible;
/** A turn of the fake costs 0.054: 120 tokens of input and 42 of output. */
const prices = { [priced]: { price: { input: 100, output: 1_000 } } };

const test = deskTest(
  {
    CORRAL_EGRESS_POLICY: 'allow-list',
    CORRAL_EGRESS_ALLOW: 'good.example.org',
    CORRAL_APPROVALS_TOOLS: 'shell_exec',
    ...fakeSettings('compatible', fake.url),
    CORRAL_MODEL: 'demo',
    CORRAL_MODELS_CATALOG: JSON.stringify(prices),
    CORRAL_SESSION_COST_BUDGET: '10',
  },
  'admin',
);

const blocked = (desk: Desk, id: string, host: string) =>
  desk.tell(id, { type: 'egress', runId: null, data: { host, port: 443, decision: 'refused', rule: 'not listed' } });

test('what was blocked is a line that allows the host in this session', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await desk.worked('Look around');
  await blocked(desk, id, 'files.example.org');
  const { page, complaints } = await desk.open(`/#${id}`);
  await page.getByText('the sandbox tried to connect to files.example.org:443').waitFor();
  await page.getByRole('button', { name: 'Review in Settings' }).click();
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  await dialog.getByText('Policy: allow-list').waitFor();
  await dialog.getByText('good.example.org').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Allow files.example.org' }).click();
  await dialog.getByText('allowed', { exact: true }).waitFor();
  await dialog.getByRole('button', { name: 'Revoke access to files.example.org' }).click();
  await dialog.getByRole('button', { name: 'Allow files.example.org' }).waitFor();
  expect(complaints).toEqual([]);
});

test('a key of a provider is stored, shown without its text, and removed', { tags: ['nightly'] }, async ({ desk }) => {
  const { page } = await desk.open();
  await openSettings(page, 'Models and keys');
  const gemini = page.getByRole('dialog').getByRole('listitem').filter({ hasText: 'Google Gemini' });
  await gemini.getByText('no key').waitFor();
  await typeInto(page.getByLabel('API key', { exact: true }), 'a-secret-key');
  expect(await axeFinds(page)).toEqual([]);
  await page.getByRole('button', { name: 'Save without changing the default' }).click();
  await gemini.getByText('set up').waitFor();
  expect(await page.content()).not.toContain('a-secret-key');
  await page.getByText('set up · set by CORRAL_MODELS_COMPATIBLE').waitFor();
  await page.getByRole('dialog').getByText('The model is set by CORRAL_MODEL.').waitFor();
  await gemini.getByRole('button', { name: 'Remove' }).click();
  await page
    .getByRole('dialog', { name: /^Remove .*\?$/ })
    .getByRole('button', { name: 'Remove' })
    .click();
  await gemini.getByText('no key').waitFor();
});

test('a call is approved once, after an edit, or always in the session, as the settings show', async ({ desk }) => {
  const commands = ['echo *first* and _more_', 'echo second', 'echo third', 'echo fourth'];
  const id = await desk.worked(`Try\n${commands.map((command) => fence('sh', command)).join('\n')}`);
  const { page } = await desk.open(`/#${id}`);
  const card = page.getByRole('group', { name: 'Approval' });
  await card.last().getByText('echo *first* and _more_').waitFor();
  await card.last().getByRole('button', { name: 'Approve', exact: true }).click();
  await card.last().getByText('echo second').waitFor();
  await card.last().getByRole('button', { name: 'Edit first' }).click();
  await typeInto(card.last().getByRole('textbox'), 'echo changed');
  expect(await axeFinds(page)).toEqual([]);
  await card.last().getByRole('button', { name: 'Run with edits' }).click();
  await card.last().getByText('echo third').waitFor();
  await card.last().getByRole('button', { name: 'Approve for this session' }).click();
  await page.locator('.ended').waitFor();
  expect(await card.count()).toBe(0); // a decided approval is a line of its call
  expect(await page.locator('.permission').allTextContents()).toEqual([
    expect.stringContaining('Approved'),
    expect.stringContaining('The arguments were edited.'),
    expect.stringContaining('Approved'),
  ]); // the fourth call no longer needed permission
  expect(await page.locator('.tool .console').allTextContents()).toContainEqual(expect.stringContaining('changed'));
  await openSettings(page, 'Session tools');
  await page.getByRole('heading', { name: 'Always approved in this session' }).waitFor();
  expect(await axeFinds(page)).toEqual([]);
});

test('a new session takes the model and template that a person chose; an unknown model is refused', async ({
  desk,
}) => {
  const { page } = await desk.open();
  await page.getByRole('button', { name: 'Template: Server default' }).click();
  await page.getByRole('button', { name: /^Minimal/ }).click();
  const choose = async (text: string, ref: RegExp) => {
    await page.getByRole('button', { name: /^Model: (Demo \(no AI\)|nobody [/] none)$/ }).click();
    await typeInto(page.getByRole('searchbox', { name: 'Search models' }), text);
    await page.getByRole('radio', { name: ref }).click();
    await page.getByRole('button', { name: 'Use model' }).click();
  };
  const message = page.getByRole('textbox', { name: 'Message' });
  await choose('nobody/none', /^Use nobody[/]none/);
  await typeInto(message, 'Hello');
  await message.press('Enter');
  await page
    .getByRole('status')
    .getByText(/^Could not send the message: There is no model "nobody[/]none"/)
    .waitFor();
  expect(await message.inputValue()).toBe('Hello'); // nothing has to be typed again
  await choose('qwen', /^qwen3/);
  await message.press('Enter');
  await page.getByRole('article', { name: 'Agent' }).getByText('The fake has answered.').waitFor();
  expect(fake.requests.at(-1)?.body.model).toBe('qwen3');
  const dialog = await openSettings(page, 'Session tools');
  await dialog.getByText(priced.replace('/', ' / '), { exact: true }).waitFor();
  await dialog.getByText('Minimal · works without a plan').waitFor();
});

test('the settings name the tools and the tool servers of a session', { tags: ['nightly'] }, async ({ desk }) => {
  const { id } = await desk.call('sessions.create', { mcpServers: { notes: { command: 'cat' } } });
  const { page } = await desk.open(`/#${id}`);
  const dialog = await openSettings(page, 'Session tools');
  const below = (heading: string | RegExp) =>
    dialog
      .locator('div')
      .filter({ has: page.getByRole('heading', { name: heading }) })
      .last()
      .getByRole('listitem');
  await below('Tool servers (MCP)').getByText('notes', { exact: true }).waitFor();
  expect(await below(/^Tools \(\d+\)$/).count()).toBeGreaterThan(10);
  expect(await below('Tools that need your approval').allTextContents()).toEqual(['shell_exec']);
});

test('the price of run and session grows live, with what is left and what cost most', async ({ desk }) => {
  const id = await desk.worked('How much is this?', { model: priced, template: 'minimal' });
  const { page } = await desk.open(`/#${id}`);
  await page.getByRole('tab', { name: 'Cost' }).click();
  const [session, run] = ['This session', 'Latest run'].map((name) => page.getByRole('region', { name }));
  const left = page
    .getByRole('region', { name: 'Budget left' })
    .getByRole('listitem')
    .filter({ hasText: 'Session · Cost' });
  await session?.getByText('$0.0540').waitFor();
  await left.getByText('$9.95 of $10.00').waitFor();
  await desk.call('runs.send', { sessionId: id, text: 'And twice?' });
  await session?.getByText('$0.1080').waitFor();
  await run?.getByText('$0.0540').waitFor();
  await left.getByText('$9.89 of $10.00').waitFor();
  const most = page.locator('.cost-events li');
  await expect.poll(() => most.allTextContents()).toHaveLength(2);
  expect((await most.allTextContents()).sort()).toEqual(['And twice?$0.0540', 'How much is this?$0.0540']);
});

test('an administrator enters a rule in the page, takes it back, sees what a variable precedes', async ({ desk }) => {
  const { page, complaints } = await desk.open();
  const dialog = await openSettings(page, 'Approvals and tools');
  await dialog.getByText(/^Set by CORRAL_APPROVALS_TOOLS\./).waitFor();
  await dialog.getByRole('button', { name: 'Add rule' }).click();
  expect(await dialog.getByLabel('Rule 1: action').evaluate((field) => field === document.activeElement)).toBe(true);
  await dialog.getByLabel('Rule 1: action').selectOption('deny');
  await typeInto(dialog.getByLabel('Rule 1: tool'), 'bash!');
  await dialog.getByText('Enter a tool name such as shell_exec, or a pattern such as shell_*.').waitFor();
  await page.keyboard.press('Backspace');
  const save = dialog.getByRole('form', { name: 'Approvals' }).getByRole('button', { name: 'Save' });
  await save.click();
  await dialog.getByText('There is no tool bash. ').waitFor();
  const tool = dialog.getByLabel('Rule 1: tool');
  await expect.poll(() => tool.evaluate((field) => field === document.activeElement)).toBe(true);
  expect(await tool.getAttribute('aria-invalid')).toBe('true');
  await typeInto(dialog.getByLabel('Rule 1: tool'), 'shell_exec');
  await typeInto(dialog.getByLabel('Rule 1: pattern'), 'echo denied *');
  await save.click();
  await dialog.getByText('Saved').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Reset Rules' }).click();
  await dialog.getByText('Reset to default').waitFor();
  await page.keyboard.press('Escape');
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.press('Control+,');
  await dialog.getByRole('button', { name: 'Approvals and tools' }).press('Enter');
  await dialog.getByLabel('Approval timeout').press('End');
  await page.keyboard.type('0');
  await save.press('Enter');
  await dialog.getByText('Saved').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expect.poll(() => message.evaluate((field) => field === document.activeElement)).toBe(true);
  await page.keyboard.type('Go on');
  await expect.poll(() => message.inputValue()).toBe('Go on');
  expect(complaints).toEqual([]);
});

test('an upload is listed and deleted by keys', { tags: ['nightly'] }, async ({ desk }) => {
  const body = new FormData();
  body.append('file', new Blob(['hello']), 'notes.txt');
  await desk.fetch('/api/v1/files', { method: 'POST', body });
  const { page, complaints } = await desk.open();
  const dialog = await openSettings(page, 'Uploads');
  await dialog
    .getByRole('listitem')
    .filter({ hasText: 'notes.txt' })
    .getByText(/^5 B · /)
    .waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Delete notes.txt' }).press('Enter');
  await dialog.getByRole('group', { name: 'Delete notes.txt' }).getByRole('button', { name: 'Delete' }).press('Enter');
  await dialog.getByText('No uploads.').waitFor();
  expect(complaints).toEqual([]);
});

test('a dialog that is opened before the page has noticed that another was closed stays open', async ({ desk }) => {
  const { page } = await desk.open();
  await page.keyboard.press('Control+,');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  await page.evaluate(`(() => {
    const dialog = document.querySelector('dialog[open]');
    const closed = new Promise((done) => dialog.addEventListener('close', done));
    dialog.close();
    dispatchEvent(new KeyboardEvent('keydown', { key: ',', ctrlKey: true }));
    return closed;
  })()`);
  await page.getByRole('dialog', { name: 'Settings' }).getByRole('button', { name: 'Appearance' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
});

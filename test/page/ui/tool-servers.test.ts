// @module-tag all
import { afterAll, expect } from 'vitest';
import { fakeGemini, functionCall, parts, text } from '../../support/agents/fake-gemini.ts';
import { fakeToolServer } from '../../support/agents/fake-tool-server.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { axeFinds, deskTest, openSettings, typeInto } from './desk.ts';

const tools = await fakeToolServer('nobody-has-this');
const gemini = await fakeGemini([
  { chunks: [parts([functionCall('mcp_docs_find', { text: 'boats' })]), parts([{ text: '' }], 'STOP')] },
  { chunks: [text('The page about boats says it all.', 'STOP')] },
]);
afterAll(async () => {
  await tools[Symbol.asyncDispose]();
  await gemini[Symbol.asyncDispose]();
});

const test = deskTest(
  {
    CORRAL_MODEL: 'gemini/gemini-2.5-flash',
    GEMINI_API_KEY: canaryKey,
    CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
    CORRAL_MCP_SERVERS: JSON.stringify({ notes: { command: 'cat' } }),
    CORRAL_MCP_PRIVATE_ADDRESSES: 'allow',
  },
  'admin',
);

test('an administrator adds a tool server whose tool an agent calls', { tags: ['nightly'] }, async ({ desk }) => {
  const { page, complaints } = await desk.open();
  // The authorization server's own page approves immediately, and redirects the browser back.
  await page.route(`${new URL(tools.url).origin}/authorize*`, async (route) => {
    const requested = new URL(route.request().url()).searchParams;
    const back = new URL(requested.get('redirect_uri') ?? '');
    back.search = String(new URLSearchParams({ code: 'the-code', state: requested.get('state') ?? '' }));
    await route.fulfill({ status: 302, headers: { location: back.href } });
  });
  const dialog = await openSettings(page, 'Tool servers (MCP)');
  await dialog.getByText('Set by CORRAL_MCP_SERVERS. Change the tool server there and restart Corral.').waitFor();
  await typeInto(dialog.getByLabel('Name'), 'docs');
  await typeInto(dialog.getByLabel('Server URL'), tools.url);
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.getByText('docs added, but it is not working yet.').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
  await dialog.getByText('You are signed in to docs.').waitFor();
  expect(new URL(page.url()).search).toBe('');
  await dialog.getByRole('button', { name: 'Test docs' }).click();
  await dialog.getByText('docs is working.').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  await dialog.getByRole('combobox', { name: 'Settings' }).waitFor(); // in place of the column of sections
  expect(await axeFinds(page)).toEqual([]);
  expect(await page.content()).not.toContain('signed-in-access');
  await desk.worked('What do the pages say about boats?', { template: 'minimal' });
  await expect.poll(() => tools.calls).toMatchObject([{ name: 'find', arguments: { text: 'boats' } }]);
  expect(tools.seen.at(-1)).toBe('Bearer signed-in-access');
  await dialog.getByRole('button', { name: 'Edit tool server docs' }).click();
  const form = dialog.getByRole('form', { name: 'Edit tool server docs' });
  await typeInto(form.getByLabel('Name', { exact: true }), 'guide');
  expect(await axeFinds(page)).toEqual([]);
  await form.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('guide saved.').waitFor();
  await dialog.getByRole('button', { name: 'Test guide' }).click();
  await dialog.getByText('guide is working.').waitFor();
  expect(tools.seen.at(-1)).toBe('Bearer signed-in-access'); // the sign-in stays with the address
  await dialog.getByRole('button', { name: 'Remove tool server guide' }).click();
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await dialog.getByText('guide removed.').waitFor();
  expect(complaints).toEqual([]);
});

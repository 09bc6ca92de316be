import { expect, onTestFinished, test } from 'vitest';
import { ToolServerStates } from '../../../../src/agents/mcp/states.ts';
import { createSecretSealer } from '../../../../src/auth/vault.ts';
import { neverAbortingSignal as never } from '../../../../src/core/concurrency/cancel.ts';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import type { McpServer } from '../../../../src/core/model/tool-server.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { createGuardedFetch } from '../../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import { ToolServerRecords } from '../../../../src/sessions/tool-servers/entered.ts';
import { ToolServerOAuthClient } from '../../../../src/sessions/tool-servers/sign-in.ts';
import { createToolServerService } from '../../../../src/sessions/tool-servers/tool-servers.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { type FakeToolServer, fakeToolServer } from '../../../support/agents/fake-tool-server.ts';

const program: McpServer = { name: 'files', command: 'npx', args: [], env: {}, tools: ['*'], timeoutMs: 60_000 };
const returnTo = 'http://127.0.0.1:8000/';

async function fake(access?: string): Promise<FakeToolServer> {
  const server = await fakeToolServer(access);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function service({ reach = 'private' as 'private' | 'public', settings = [program] as readonly McpServer[] } = {}) {
  const { records } = createInMemoryStore();
  const newToken = () => createIdSource().token();
  const learned: string[] = [];
  const entered: ToolServerRecords = new ToolServerRecords({
    records,
    vault: createSecretSealer([new Secret('ab'.repeat(32))]),
    learn: (secret) => void learned.push(secret.reveal()),
    token: (name, refused) => signIns.token(name, refused),
  });
  const local = createGuardedFetch({ addresses: { allowRanges: ['127.0.0.0/8'] } });
  const open = createGuardedFetch();
  const fetchFor = (server: { readonly reach?: string }) => (server.reach === 'private' ? local : open);
  const signIns = new ToolServerOAuthClient({ entered, fetchFor, clock: systemClock, newToken });
  const it = createToolServerService({
    ...{ entered, signIns, settings, fetchFor, clock: systemClock },
    setBy: 'CORRAL_MCP_SERVERS',
    templates: { list: () => [] },
    states: new ToolServerStates(systemClock),
    reach: () => reach,
    newRevision: newToken,
  });
  return { records, entered, learned, it };
}
const bearer = (value: string) => ({ Authorization: new Secret(`Bearer ${value}`) });

test('an entered server is called with its key, counts in sessions, and shows no value of a header', async () => {
  const server = await fake('a-real-key');
  const { it, entered, records, learned } = service();
  const put = await it.put('docs', { url: server.url, headers: bearer('a-real-key') }, never);
  const expected = { from: 'page', headers: ['Authorization'], state: { ok: true, tools: [{ name: 'find' }] } };
  expect(put).toMatchObject(expected);
  const [own] = await entered.inForce();
  expect(own?.headers.Authorization?.reveal()).toBe('Bearer a-real-key');
  expect(await entered.inForce()).toBe(await entered.inForce()); // the same object while nothing changes
  expect(learned).toContain('Bearer a-real-key');
  for (const shown of [await it.list(), await records.list('tool-server')])
    expect(JSON.stringify(shown)).not.toContain('a-real-key');
  await it.remove('docs');
  expect(await entered.inForce()).toEqual([]);
  await expect(it.remove('docs')).rejects.toMatchObject({ code: 'not_found' });
});

test('a key stays with its address, goes to no other one, and another key makes another connection', async () => {
  const [first, second] = [await fake(), await fake()];
  const { it, entered } = service();
  await it.put('docs', { url: first.url, headers: bearer('a-real-key') }, never);
  const [before] = await entered.inForce();
  await it.put('docs', { url: first.url, tools: ['find'] }, never);
  const [after] = await entered.inForce();
  expect(after).toMatchObject({ tools: ['find'] });
  expect(after?.headers.Authorization?.reveal()).toBe('Bearer a-real-key');
  expect(JSON.stringify(after)).not.toBe(JSON.stringify(before));
  await it.test('docs', { url: second.url }, never);
  await it.put('docs', { url: second.url }, never);
  expect([second.seen.filter((text) => text !== ''), (await entered.inForce())[0]?.headers]).toEqual([[], {}]);
});

test('a change keeps what it does not name, renames, and sends a stored header to no other address', async () => {
  const [first, second] = [await fake('a-real-key'), await fake()];
  const { it, entered, records } = service();
  await it.put('docs', { url: first.url, headers: bearer('an-old-key'), tools: ['find'] }, never);
  const changed = await it.change('docs', { name: 'guide', headers: bearer('a-real-key') }, never);
  expect(changed).toMatchObject({ name: 'guide', headers: ['Authorization'], tools: ['find'], state: { ok: true } });
  expect((await entered.list()).map(({ name }) => name)).toEqual(['guide']);
  expect(JSON.stringify([changed, await records.list('tool-server')])).not.toContain('a-real-key');
  const stays = { code: 'invalid_request', publicMessage: expect.stringContaining('Authorization is not sent to') };
  await expect(it.change('guide', { url: second.url }, never)).rejects.toMatchObject(stays);
  expect(second.seen).toEqual([]);
  await it.change('guide', { url: second.url, headers: { authorization: null } }, never);
  expect((await entered.inForce())[0]).toMatchObject({ name: 'guide', url: second.url, headers: {} });
});

test('a change is refused for a name that is taken, set or missing, and changes nothing', async () => {
  const server = await fake();
  const { it, entered } = service();
  await it.put('docs', { url: server.url }, never);
  await it.put('other', { url: server.url }, never);
  for (const [name, change, code] of [
    ['docs', { name: 'other' }, 'conflict'],
    ['docs', { name: 'files' }, 'invalid_request'],
    ['docs', { name: 'No' }, 'invalid_request'],
    ['nothing', { tools: ['find'] }, 'not_found'],
    ['files', { tools: ['find'] }, 'not_found'],
  ] as const)
    await expect(it.change(name, change, never)).rejects.toMatchObject({ code });
  expect((await entered.list()).map(({ name }) => name)).toEqual(['docs', 'other']);
});

test('servers of the settings come first, and cannot be replaced or removed', async () => {
  const { it } = service();
  expect(await it.list()).toMatchObject([{ name: 'files', kind: 'program', at: 'npx', setBy: 'CORRAL_MCP_SERVERS' }]);
  await expect(it.put('files', { url: 'https://tools.example/mcp' }, never)).rejects.toMatchObject({
    code: 'invalid_request',
    publicMessage: expect.stringContaining("CORRAL_MCP_SERVERS defines a tool server 'files'"),
  });
  await expect(it.remove('files')).rejects.toMatchObject({ code: 'not_found' });
  const expected = { ok: false, message: expect.stringContaining('sandbox') };
  expect(await it.test('files', undefined, never)).toMatchObject(expected);
});

test('a private address is refused, and nothing is stored', async () => {
  const server = await fake();
  const { it, entered } = service({ reach: 'public' });
  await expect(it.put('docs', { url: server.url }, never)).rejects.toMatchObject({ code: 'forbidden' });
  const expected = { ok: false, message: expect.stringContaining('private') };
  expect(await it.test('docs', { url: server.url }, never)).toMatchObject(expected);
  expect([await entered.list(), server.seen]).toEqual([[], []]);
});

test.each<[string, string, Record<string, Secret>]>([
  ['Docs', 'https://tools.example/mcp', {}],
  ['docs', 'file:///etc/passwd', {}],
  ['docs', 'https://user:word@tools.example/mcp', {}],
  ['docs', 'https://tools.example/mcp', { Host: new Secret('other') }],
  ['docs', 'https://tools.example/mcp', { 'x-key': new Secret('two\r\nlines') }],
  ['docs', 'https://tools.example/mcp', { 'x-key': new Secret('a'), 'X-Key': new Secret('b') }],
])('%s at %s with %o is refused', async (name, url, headers) => {
  const { it, entered } = service();
  await expect(it.put(name, { url, headers }, never)).rejects.toMatchObject({ code: 'invalid_request' });
  expect(await entered.list()).toEqual([]);
});

test('a person signs in, the access is renewed when the server refuses it, and ends with the sign-out', async () => {
  const server = await fake('nobody-has-this');
  const { it, entered, records } = service();
  const expected = { signIn: 'wanted', state: { ok: false } };
  expect(await it.put('docs', { url: server.url }, never)).toMatchObject(expected);
  const address = new URL(await it.beginSignIn('docs', returnTo, never));
  expect(address.searchParams.get('redirect_uri')).toBe(returnTo);
  expect(address.searchParams.get('code_challenge_method')).toBe('S256');
  const state = address.searchParams.get('state') ?? '';
  const wrong = it.endSignIn('docs', { state: 'another', code: 'the-code' }, never);
  await expect(wrong).rejects.toMatchObject({ code: 'invalid_request' });
  const done = await it.endSignIn('docs', { state, code: 'the-code' }, never);
  expect(done).toMatchObject({ signIn: 'done', state: { ok: true } });
  const again = it.endSignIn('docs', { state, code: 'the-code' }, never);
  await expect(again).rejects.toMatchObject({ code: 'invalid_request' }); // an answer is counted once
  server.access = 'ended'; // it no longer accepts the old access
  expect(await it.test('docs', undefined, never)).toMatchObject({ ok: true });
  expect(server.seen.at(-1)).toMatch(/^Bearer renewed-access-/);
  expect(JSON.stringify(await records.list('tool-server'))).not.toMatch(/access-|the-renewal/);
  expect(await it.signOut('docs')).toMatchObject({ signIn: 'none' });
  expect((await entered.inForce())[0]?.token).toBeUndefined();
});

test('a refused sign-in says why, and a page without https cannot begin one', async () => {
  const server = await fake('nobody-has-this');
  const { it } = service();
  await it.put('docs', { url: server.url }, never);
  const insecure = it.beginSignIn('docs', 'http://corral.example/', never);
  await expect(insecure).rejects.toMatchObject({ code: 'invalid_request' });
  const address = new URL(await it.beginSignIn('docs', returnTo, never));
  const state = address.searchParams.get('state') ?? '';
  const expected = { code: 'unsupported', publicMessage: expect.stringContaining('The sign-in was not completed') };
  await expect(it.endSignIn('docs', { state, code: 'another' }, never)).rejects.toMatchObject(expected);
});

import { afterAll, expect, test } from 'vitest';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { type CallOptions, call } from '../../support/clients/call.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const fake = await fakeProvider('compatible', () => ({ text: 'The fake has answered.' }));
afterAll(() => fake[Symbol.asyncDispose]());
const ask = (url: string, path: string, { method = 'GET', ...rest }: CallOptions & { method?: string } = {}) =>
  call(method, `${url}/api/v1/models${path}`, rest);
const mutate = async (url: string, path: string, input: object): Promise<{ id: string }> =>
  (await call('POST', `${url}/trpc/${path}`, { body: input })).body.result.data;
/** The texts of the agent in the session's log, once its run has ended. */
async function answersOf(url: string, id: string): Promise<string> {
  const input = encodeURIComponent(JSON.stringify({ sessionId: id }));
  let log = '';
  await expect
    .poll(async () => {
      log = await (await fetch(`${url}/trpc/events.list?input=${input}`)).text();
      return log.includes('"run.end"');
    })
    .toBe(true);
  return log;
}
const access = { provider: 'local', baseUrl: fake.url, key: fakeKey };

test('a model that is chosen in the running server answers at once, also in a session that was there before, and after a restart', async () => {
  using folder = temporaryFolder();
  {
    await using server = await composedServer({}, folder.path);
    const { url } = server;
    const { id } = await mutate(url, 'sessions.create', { template: 'minimal' });
    const tested = await ask(url, '/test', { method: 'POST', body: access });
    const expected = { ok: true, models: expect.arrayContaining([expect.objectContaining({ id: 'qwen3' })]) };
    expect(tested.body).toMatchObject(expected);
    const used = await ask(url, '/usual', { method: 'PUT', body: { ...access, model: 'qwen3' } });
    expect(used.body).toMatchObject({ model: 'local/qwen3', setBy: null, canChange: true });
    expect(JSON.stringify(used.body)).not.toContain(fakeKey);
    await mutate(url, 'runs.send', { sessionId: id, text: 'Hello' });
    expect(await answersOf(url, id)).toContain('The fake has answered.');
    expect(JSON.stringify(server.lines)).not.toContain(fakeKey);
  }
  await using server = await composedServer({}, folder.path);
  const { url } = server;
  expect((await ask(url, '')).body.model).toBe('local/qwen3');
  expect(await (await fetch(`${url}/trpc/system.info`)).json()).toMatchObject({
    result: { data: { model: 'local/qwen3' } },
  });
  const { id } = await mutate(url, 'sessions.create', { template: 'minimal' });
  await mutate(url, 'runs.send', { sessionId: id, text: 'Hello again' });
  expect(await answersOf(url, id)).toContain('The fake has answered.');
  expect(fake.requests.at(-1)?.headers.authorization).toBe(`Bearer ${fakeKey}`);
  const forgotten = await ask(url, '/providers/local', { method: 'DELETE' });
  expect(forgotten.body).toMatchObject({ model: 'demo', chosen: null });
});

test('only administrators see the address of a provider, and with a token private addresses are refused', async () => {
  const token = 'a-token-of-thirty-two-characters!';
  await using server = await composedServer({ CORRAL_TOKEN: token });
  const { url, core } = server;
  const requested = fake.requests.length;
  const input = { method: 'PUT', token, body: { ...access, model: 'qwen3' } };
  const refused = await ask(url, '/usual', input);
  expect([refused.status, JSON.stringify(refused.body)]).toEqual([403, expect.stringContaining('PRIVATE_ADDRESSES')]);
  expect(fake.requests.length).toBe(requested);
  const far = { provider: 'far', baseUrl: 'http://models.invalid/v1', model: 'm' };
  expect((await ask(url, '/usual', { method: 'PUT', token, body: far })).body.model).toBe('far/m');
  for (const role of ['viewer', 'user', 'operator'] as const) {
    const { key } = await core.keys.create({ name: role, role });
    const seen = await ask(url, '', { token: key });
    expect(seen.body).toMatchObject({ model: 'far/m', canChange: false });
    expect(JSON.stringify(seen.body)).not.toContain('models.invalid');
    expect((await ask(url, '/offered', { token: key })).status).toBe(role === 'viewer' ? 403 : 200);
  }
  const huge = JSON.stringify({ ...access, key: 'k'.repeat(10_000) });
  expect((await ask(url, '/test', { method: 'POST', token, body: huge })).status).toBe(422);
});

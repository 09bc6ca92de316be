import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { expect, test } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { egressBench, session, standIn } from '../../support/egress/egress.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';

const address = '203.0.113.7';
const names = { 'extra.example.test': [address], 'inside.example.test': ['10.0.0.1'] };

async function get(path: string, url: string): Promise<number> {
  const req = request({ socketPath: path, path: url, headers: { host: new URL(url).host } }).end();
  const [res] = await once(req, 'response');
  res.resume();
  return res.statusCode as number;
}

test('a host that was allowed in a session is reached from there alone, and the log says why', async () => {
  await using server = await standIn(createServer((_req, res) => res.end('hello')));
  const allowed = new Set<string>();
  await using bench = await egressBench({
    policy: { kind: 'allow-list', entries: [] },
    names,
    servers: { [`${address}:80`]: server.port },
    allowedIn: async (id) => (id === session ? [...allowed] : []),
  });
  expect(await get(bench.path, 'http://extra.example.test/')).toBe(403);
  allowed.add('extra.example.test');
  expect(await get(bench.path, 'http://extra.example.test/')).toBe(200);
  expect(await get(`${bench.path}2`, 'http://extra.example.test/')).toBe(403);
  expect(bench.reports).toContainEqual({
    host: 'extra.example.test',
    port: 80,
    decision: 'allowed',
    rule: 'this session: extra.example.test',
  });
});

test('no entry opens a private address, and none opens the policy none', async () => {
  const allowedIn = async () => ['inside.example.test', 'extra.example.test'];
  await using listed = await egressBench({ policy: { kind: 'allow-list', entries: [] }, names, allowedIn });
  expect(await get(listed.path, 'http://inside.example.test/')).toBe(403);
  await using closed = await egressBench({ policy: { kind: 'none' }, names, allowedIn });
  expect(await get(closed.path, 'http://extra.example.test/')).toBe(403);
  expect([...listed.dialled, ...closed.dialled]).toEqual([]);
});

test('an operator allows a host and takes it back; what is no host, and a closed policy, are refused in words', async () => {
  await using server = await composedServer({ CORRAL_EGRESS_POLICY: 'allow-list', CORRAL_EGRESS_ALLOW: 'a.example' });
  const client = openClient(server.url, 'sse');
  const { id: sessionId } = await client.sessions.create.mutate({});
  await client.egress.allow.mutate({ sessionId, host: 'Files.Example.org' });
  const now = () => client.egress.inForce.query({ sessionId });
  expect(await now()).toMatchObject({ policy: 'allow-list', entries: ['a.example'], allowed: ['files.example.org'] });
  await expect(client.egress.allow.mutate({ sessionId, host: 'not a host' })).rejects.toThrow('is not a host');
  await client.egress.withdraw.mutate({ sessionId, host: 'files.example.org' });
  expect((await now()).allowed).toEqual([]);

  await using closed = await composedServer({ CORRAL_EGRESS_POLICY: 'none' });
  const other = openClient(closed.url, 'sse');
  const { id } = await other.sessions.create.mutate({});
  expect((await other.egress.inForce.query({ sessionId: id })).whyNot).toContain('no network access');
  const refused = other.egress.allow.mutate({ sessionId: id, host: 'files.example.org' });
  await expect(refused).rejects.toThrow('CORRAL_EGRESS_POLICY');
});

test('the creator of a session changes its hosts while it exists, never beyond the policy', async () => {
  const settings = { CORRAL_EGRESS_POLICY: 'allow-list', CORRAL_EGRESS_ALLOW: 'a.example,b.example' };
  await using server = await composedServer(settings);
  const client = openClient(server.url, 'sse');
  const { id: sessionId } = await client.sessions.create.mutate({ egress: ['a.example'] });
  const within = async () => (await client.egress.inForce.query({ sessionId })).within;
  await client.egress.narrow.mutate({ sessionId, hosts: ['B.example'] });
  expect(await within()).toEqual(['b.example']);
  for (const hosts of [['c.example'], ['not a host'], Array.from({ length: 101 }, (_, n) => `h${n}.example`)])
    await expect(client.egress.narrow.mutate({ sessionId, hosts })).rejects.toThrow();
  expect(await within()).toEqual(['b.example']);
  await client.egress.narrow.mutate({ sessionId, hosts: 'none' });
  expect(await client.egress.inForce.query({ sessionId })).toMatchObject({ policy: 'none', within: [] });
  await client.egress.narrow.mutate({ sessionId, hosts: null });
  expect(await client.egress.inForce.query({ sessionId })).toMatchObject({ policy: 'allow-list', canAllow: true });
  expect(await within()).toBeUndefined();
});

test('a change of the egress settings reaches the proxy of a sandbox that runs', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await composedServer({ CORRAL_DRIVER: 'process', CORRAL_EGRESS_POLICY: '' });
  using client = openClient(server.url, 'sse');
  const { id: sessionId } = await client.sessions.create.mutate({});
  const change = (key: string, value: string | string[]) => client.settings.change.mutate({ key, value });
  const starts = new Set<string>();
  /** The status of the proxy's answer: 403 means that the host is refused; a listed host's name does not resolve. */
  const ask = async () => {
    const request = 'GET http://listed.invalid/ HTTP/1.1\\r\\nHost: listed.invalid\\r\\nConnection: close\\r\\n\\r\\n';
    const command = `cut -d' ' -f22 /proc/1/stat; exec 9<>/dev/tcp/127.0.0.1/3128; printf '${request}' >&9; head -1 <&9 | cut -d' ' -f2`;
    const { stdout } = await client.sandbox.exec.mutate({ sessionId, command });
    const [start = '', status = ''] = stdout.trim().split('\n');
    starts.add(start);
    return status;
  };
  await change('egress.policy', 'allow-list');
  expect(await ask()).toBe('403');
  await change('egress.allow', ['listed.invalid']);
  expect(await ask()).toBe('502');
  await change('egress.policy', 'none');
  expect([await ask(), starts.size]).toEqual(['403', 1]); // the same sandbox all the time
  const { events } = await client.events.list.query({ sessionId, limit: 1_000 });
  const decisions = events.flatMap((event) => (event.type === 'egress' ? [event.data.decision] : []));
  expect(decisions[0]).toBe('refused');
  expect(decisions).toContain('allowed');
});

// A real MCP client drives whole sessions: over HTTP, and through `corral mcp` as an assistant starts it.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { type Owner, test } from '../../support/fixtures.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import { bundledCli, type PackedCli } from '../../support/servers/packed-cli.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests compare what they read
type Answer = Record<string, any>;

/** A real client of the Model Context Protocol, whose tool calls return the parsed answer. */
async function mcpClient(transport: StreamableHTTPClientTransport | StdioClientTransport) {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  const raw = (name: string, args: object = {}) =>
    client.callTool({ name, arguments: args as Record<string, unknown> }, { timeout: 120_000 });
  return {
    client,
    raw,
    async call(name: string, args: object = {}): Promise<Answer> {
      const result = await raw(name, args);
      if (result.isError) throw new Error(textOf(result));
      return result.structuredContent as Answer;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const textOf = ({ content }: { content?: unknown }): string =>
  (content as { type: string; text?: string }[]).map(({ text }) => text ?? '').join('');

const overHttp = (url: string, token?: string) =>
  new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } },
  });

const overStdio = (cli: PackedCli, env: Record<string, string>) =>
  new StdioClientTransport({ command: cli.program, args: ['mcp'], env: { PATH: process.env.PATH ?? '', ...env } });

let cli: PackedCli;
eachNeeds('bubblewrap');
beforeAll(async () => {
  cli = await bundledCli();
});
afterAll(() => cli?.[Symbol.asyncDispose]());

const overNetwork = ({ env }: Owner) => mcpClient(overHttp(env.CORRAL_URL, env.CORRAL_TOKEN));
const ways = { 'streamable HTTP': overNetwork, 'corral mcp': ({ env }: Owner) => mcpClient(overStdio(cli, env)) };
const overBoth = test.for(['streamable HTTP', 'corral mcp'] as const);

overBoth('a client drives a whole session over %s', async (way, { owner }) => {
  await using mcp = await ways[way](owner);
  expect(mcp.client.getServerVersion()).toMatchObject({ name: 'corral' });
  // The server cannot notify clients of changes, so it announces no such capability.
  const expected = { tools: { listChanged: false }, resources: { listChanged: false } };
  expect(mcp.client.getServerCapabilities()).toEqual(expected);
  const made = await mcp.call('create_session', { title: 'By MCP', template: 'minimal' });
  expect(made.template).toBe('minimal');
  const session_id = made.session_id as string;
  const ran = await mcp.call('run_command', { session_id, command: 'echo out; echo err >&2; exit 3' });
  expect(ran).toEqual({ exit_code: 3, timed_out: false, stdout: 'out\n', stderr: 'err\n' });

  await mcp.call('write_file', { session_id, path: 'über/a b.txt', content: 'hello\n' });
  expect(textOf(await mcp.raw('read_file', { session_id, path: 'über/a b.txt' }))).toBe('hello\n');
  const { entries } = await mcp.call('list_files', { session_id, path: 'über' });
  expect(entries).toMatchObject([{ name: 'a b.txt', type: 'file', size: 6 }]);
  const uri = `corral://sessions/${session_id}/files/%C3%BCber/a%20b.txt`;
  expect((await mcp.client.readResource({ uri })).contents).toEqual([{ uri, mimeType: 'text/plain', text: 'hello\n' }]);

  const done = await mcp.call('run_task', { session_id, task: fence('sh', 'echo from the agent > shared.txt') });
  expect(done).toMatchObject({ status: 'completed', text: expect.stringMatching(/./) });
  expect(textOf(await mcp.raw('read_file', { session_id, path: 'shared.txt' }))).toBe('from the agent\n');
  const { events, last_seq } = await mcp.call('watch_session', { session_id });
  const types = (events as { type: string }[]).map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(['message.user', 'tool.called', 'run.end']));
  expect(types).not.toContain('message.delta');
  expect(last_seq).toBe((events as { seq: number }[]).at(-1)?.seq);

  const { resources } = await mcp.client.listResources();
  expect(resources).toContainEqual(expect.objectContaining({ uri: `corral://sessions/${session_id}` }));
  await mcp.call('end_session', { session_id });
  expect(textOf(await mcp.raw('get_session', { session_id }))).toMatch(/session_not_found/);
});

overBoth(
  'a task that takes longer than the wait continues, can be watched, and stops over %s',
  async (way, { owner }) => {
    await using mcp = await ways[way](owner);
    const { session_id } = await mcp.call('create_session');
    const began = await mcp.call('run_task', { session_id, task: fence('sh', 'sleep 300'), wait_seconds: 1 });
    expect(began.status).toBe('running');
    const { newest_seq } = await mcp.call('watch_session', { session_id, wait_seconds: 0 });
    const news = mcp.call('watch_session', { session_id, after_seq: newest_seq, wait_seconds: 60 });
    expect(await mcp.call('stop_run', { session_id })).toMatchObject({ stopped: true });
    expect((await news).events.length).toBeGreaterThan(0);
    await mcp.call('end_session', { session_id });
  },
);

test('a run that asks answers `waiting` with its question, and continues with the reply', async ({ owner }) => {
  await using mcp = await overNetwork(owner);
  const { session_id } = await mcp.call('create_session');
  const requested = await mcp.call('run_task', { session_id, task: fence('ask', 'Which colour?') });
  expect(requested).toMatchObject({ status: 'waiting', question: 'Which colour?' });
  expect(await mcp.call('run_task', { session_id, task: 'blue' })).toMatchObject({ status: 'completed' });
  await mcp.call('end_session', { session_id });
});

overBoth('progress reaches a client of %s', async (way, { owner }) => {
  await using mcp = await ways[way](owner);
  const { session_id } = await mcp.call('create_session');
  const received: (string | undefined)[] = [];
  await mcp.client.callTool(
    { name: 'run_task', arguments: { session_id, task: fence('sh', 'echo hi') } },
    { timeout: 60_000, onprogress: ({ message }) => void received.push(message) },
  );
  expect(received.join('\n')).toContain('shell_exec');
  await mcp.call('end_session', { session_id });
});

overBoth('bad input over %s is an answer that says what is wrong', async (way, { owner }) => {
  await using mcp = await ways[way](owner);
  const wrong = [
    ['run_command', { session_id: 'x', command: '' }, /command/],
    ['run_command', { session_id: 'x', command: 'a', colour: 'red' }, /colour/],
    ['read_file', { session_id: 'not a session', path: 'a' }, /session_not_found/],
    ['create_session', { model: 'no such thing' }, /model/],
    ['create_session', { template: 'none' }, /no template "none"\. Templates: .*minimal/],
  ] as const;
  for (const [name, args, why] of wrong) {
    const result = await mcp.raw(name, args);
    expect([result.isError, textOf(result)]).toEqual([true, expect.stringMatching(why)]);
  }
  await expect(mcp.raw('__proto__')).rejects.toThrow(/__proto__/);
  await expect(mcp.client.readResource({ uri: 'corral://sessions/fedcba9876543210' })).rejects.toThrow(
    /session_not_found/,
  );
});

test('corral mcp says why nothing answers, to the request that waits', async () => {
  const env = { CORRAL_URL: 'http://127.0.0.1:9', CORRAL_TOKEN: '' };
  await expect(mcpClient(overStdio(cli, env))).rejects.toThrow(/No Corral server answers/);
});

test('corral mcp passes a refusal of the token on to its client', async ({ server }) => {
  const env = { CORRAL_URL: server.url, CORRAL_TOKEN: 'wrong' };
  await expect(mcpClient(overStdio(cli, env))).rejects.toThrow(/Not authenticated/);
});

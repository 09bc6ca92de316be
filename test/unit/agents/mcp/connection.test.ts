import { expect, test } from 'vitest';
import { ProgramTransport } from '../../../../src/agents/mcp/connect.ts';
import { McpConnection } from '../../../../src/agents/mcp/connection.ts';
import { createLineSplitter, findResponseId } from '../../../../src/agents/mcp/lines.ts';
import { createMcpSearchTool, toMcpToolNames } from '../../../../src/agents/mcp/tools.ts';
import { toolDescriptions } from '../../../../src/agents/tools/list.ts';
import type { McpServer } from '../../../../src/core/model/tool-server.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { answerTo, fakePrograms, type Serve, toolServer } from '../../../support/sandboxes/fake-programs.ts';

const soon = () => AbortSignal.timeout(60_000);
const quiet = () => ({ signal: soon(), onProgress: () => {} });

function connected(serve: Serve, more: Partial<McpServer> = {}) {
  const programs = fakePrograms(serve);
  const clock = manualClock();
  const usual = { name: 'fake', command: 'serve', args: [], env: {}, tools: ['*'], timeoutMs: 60_000 };
  const server = { ...usual, ...more } as McpServer;
  const program = { id: 'mcp-fake', argv: ['serve'] };
  const connection = new McpConnection(server, () => new ProgramTransport(programs, program), clock);
  return { programs, connection, clock };
}

const text = (words: string) => ({ content: [{ type: 'text', text: words }] });
const bare = { type: 'object', properties: {} };

test('the tools of a server are listed, as far as the operator allows them', async () => {
  const tools = [{ name: 'read_one', description: 'Reads.' }, { name: 'read_all' }, { name: 'write' }];
  const { connection } = connected(toolServer(tools), { tools: ['read_*'] });
  expect(await connection.tools(soon())).toEqual([
    expect.objectContaining({ name: 'read_one', title: undefined, description: 'Reads.', schema: bare }),
    expect.objectContaining({ name: 'read_all', title: undefined, description: '', schema: bare }),
  ]);
});

test('a call carries its arguments, and its result comes back', async () => {
  const { connection, programs } = connected(toolServer([{ name: 'echo' }]));
  const result = await connection.call('echo', { a: 1 }, quiet());
  expect(result.content).toMatchObject([{ type: 'text', text: expect.stringContaining('"arguments":{"a":1}') }]);
  expect(programs.started).toHaveLength(1);
});

test('descriptions and schemas of any size become ones of ours', async () => {
  const deep = JSON.parse(`${'{"properties":{"a":'.repeat(60)}{}${'}}'.repeat(60)}`);
  const tools = [
    { name: 'long', description: 'x'.repeat(1_000_000), inputSchema: { type: 'object', title: 'y'.repeat(100_000) } },
    { name: 'deep', inputSchema: { type: 'object', ...deep } },
  ];
  const { connection } = connected(toolServer(tools));
  const [long, nested] = await connection.tools(soon());
  expect([long?.description.length, long?.schema]).toEqual([2_000, bare]);
  expect(JSON.stringify(nested?.schema).length).toBeLessThan(16 * 1024);
});

test('a server that dies in a call is one error that names it, and the next call starts it again', async () => {
  let calls = 0;
  const { connection, programs } = connected(
    toolServer([{ name: 'go' }], async (message, program) => {
      if (calls++ > 0) return void program.print(answerTo(message, text('fine')));
      await program.complain('out of luck\n');
      program.exit(9);
    }),
  );
  const publicMessage =
    'The tool server fake stopped: it ended with exit code 9, after it printed: out of luck. The next call starts it again.';
  await expect(connection.call('go', {}, quiet())).rejects.toMatchObject({ code: 'unsupported', publicMessage });
  expect((await connection.call('go', {}, quiet())).content).toMatchObject([{ text: 'fine' }]);
  expect(programs.started).toHaveLength(2);
});

test('a tool server that does not answer fails the call after its timeout and is notified', async () => {
  const serve = toolServer([{ name: 'hang' }], () => {});
  const { connection, programs } = connected(serve, { timeoutMs: 50 });
  await expect(connection.call('hang', {}, quiet())).rejects.toMatchObject({ code: 'deadline_exceeded' });
  expect(programs.sent.at(-1)).toMatchObject({ method: 'notifications/cancelled' });
});

test('a stopped run cancels the call in the server', async () => {
  const stop = new AbortController();
  const { connection, programs } = connected(toolServer([{ name: 'hang' }], () => stop.abort()));
  const call = connection.call('hang', {}, { ...quiet(), signal: stop.signal });
  await expect(call).rejects.toMatchObject({ code: 'cancelled' });
  expect(programs.sent.at(-1)).toMatchObject({ method: 'notifications/cancelled' });
});

test('an answer of 50 MB fails its own call alone', async () => {
  const { connection, programs } = connected(
    toolServer([{ name: 'big' }, { name: 'slow' }], async (message, program) => {
      if (message.params?.name === 'slow') return;
      await program.print(`{"result":{"content":[{"type":"text","text":"`);
      for (let n = 0; n < 50; n++) await program.print('x'.repeat(1_000_000));
      await program.print(`"}]},"jsonrpc":"2.0","id":${message.id}}\n`);
      const slow = programs.sent.find(({ params }) => params?.name === 'slow');
      await program.print(answerTo({ id: slow?.id ?? 0 }, text('unharmed')));
    }),
  );
  const slow = connection.call('slow', {}, quiet());
  const tooLarge = { publicMessage: expect.stringContaining('the answer is larger than 4 MiB') };
  await expect(connection.call('big', {}, quiet())).rejects.toMatchObject(tooLarge);
  expect((await slow).content).toMatchObject([{ text: 'unharmed' }]);
  expect(programs.started).toHaveLength(1);
});

test('noise, wrong answers and answers to nobody are passed over', async () => {
  const { connection } = connected(
    toolServer([{ name: 'lie' }], async (message, program) => {
      await program.print('starting up…\n[1,2]\n{"jsonrpc":"2.0","id":99999,"result":{}}\n{"not":"rpc"}\n{"broken\n');
      await program.print(`${'['.repeat(100_000)}\n{"a":${'['.repeat(100_000)}\n`);
      await program.print(answerTo(message, text('true')));
    }),
  );
  expect((await connection.call('lie', {}, quiet())).content).toMatchObject([{ text: 'true' }]);
});

test('a server that asks to sample from the model is refused, and the call continues', async () => {
  const ask = '{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}\n';
  const { connection, programs } = connected((message, program) => {
    if (message.error) {
      const call = programs.sent.find(({ method }) => method === 'tools/call');
      void program.print(answerTo({ id: call?.id ?? 0 }, text('without a model')));
    } else toolServer([{ name: 'ask' }], () => void program.print(ask))(message, program);
  });
  expect((await connection.call('ask', {}, quiet())).content).toMatchObject([{ text: 'without a model' }]);
  expect(programs.sent.find(({ error }) => error)).toMatchObject({ id: 's1', error: { code: -32_601 } });
});

test('progress is reported while a call runs', async () => {
  const { connection } = connected(
    toolServer([{ name: 'go' }], async (message, program) => {
      const { progressToken: token } = Object(message.params?._meta) as { progressToken: number };
      const params = { progressToken: token, progress: 1, total: 3, message: 'reading' };
      await program.print(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })}\n`);
      await program.print(answerTo(message, { content: [] }));
    }),
  );
  const messages: string[] = [];
  await connection.call('go', {}, { signal: soon(), onProgress: (text) => messages.push(text) });
  expect(messages).toEqual(['1/3 reading\n']);
});

test('after a change of its list the tools are requested again', async () => {
  const tools = [{ name: 'one' }];
  const { connection } = connected(
    toolServer(tools, async (message, program) => {
      tools.push({ name: 'two' });
      await program.print('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n');
      await program.print(answerTo(message, { content: [] }));
    }),
  );
  expect(await connection.tools(soon())).toHaveLength(1);
  await connection.call('one', {}, quiet());
  expect(await connection.tools(soon())).toHaveLength(2);
});

test('a server that cannot start is tried again only after a while', async () => {
  const { connection, programs, clock } = connected((_, program) => program.exit(1));
  const failing = () => expect(connection.tools(soon())).rejects.toMatchObject({ code: 'unsupported' });
  await failing();
  await failing();
  expect(programs.started).toHaveLength(1);
  clock.advance(31_000);
  await failing();
  expect(programs.started).toHaveLength(2);
});

test('a tool whose schema the protocol refuses costs neither the others nor itself', async () => {
  const odd = [{ name: 'text', inputSchema: { type: 'string' } }, { name: 'bare', inputSchema: {} }, { name: 'fine' }];
  const { connection } = connected(toolServer(odd as never));
  const refused = Object.fromEntries((await connection.tools(soon())).map((tool) => [tool.name, tool.refused]));
  const why = 'its parameters are of the type string, and only an object can be sent';
  expect(refused).toEqual({ text: why, bare: undefined, fine: undefined });
});

test('lines come out whole, however the bytes were cut', () => {
  const bytes = Buffer.from('{"a":"é"}\n\nlast\nrest');
  for (const size of [1, 2, 5, 100]) {
    const split = createLineSplitter();
    const lines = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...split(bytes.subarray(at, at + size)));
    expect(lines).toEqual(['{"a":"é"}', '', 'last'].map((text) => ({ kind: 'line', text })));
  }
});

test('the splitter keeps only the ends of a line that is too long, and the next line complete', () => {
  const split = createLineSplitter(1_000);
  const pieces = ['head', 'x'.repeat(100_000), 'tail\nnext\n'];
  const [long, next] = pieces.flatMap((piece) => split(Buffer.from(piece)));
  const expected = { kind: 'too_long', head: expect.stringMatching(/^headx/), tail: expect.stringMatching(/xtail$/) };
  expect(long).toMatchObject(expected);
  expect(JSON.stringify(long).length).toBeLessThan(10_000);
  expect(next).toEqual({ kind: 'line', text: 'next' });
});

test('the request that a long message answers is found at either end, and only at the top level', () => {
  expect(findResponseId({ head: '{"jsonrpc":"2.0","id":12,"result":{', tail: 'x"}}' })).toBe(12);
  expect(findResponseId({ head: '{"id":3,"result', tail: '' })).toBe(3);
  expect(findResponseId({ head: '{"result":{"id":7', tail: '"},"jsonrpc":"2.0","id":9}' })).toBe(9);
  expect(findResponseId({ head: '{"result":{"id":7', tail: 'xxx' })).toBeUndefined();
});

test('a tool is called mcp_<server>_<tool>; names that providers refuse become ones they take, and stay apart', () => {
  const plain = { mcp_files_read_file: 'read_file', 'mcp_files_list-all': 'list-all' };
  expect(Object.fromEntries(toMcpToolNames('files', ['read_file', 'list-all']))).toEqual(plain);
  const tools = ['a.b', 'a b', 'a/b', 'x'.repeat(100), `${'x'.repeat(99)}y`, 'ä'];
  const names = toMcpToolNames('s', tools);
  expect([...names.values()].sort()).toEqual([...tools].sort());
  for (const name of names.keys()) expect(name).toMatch(/^mcp_s_[A-Za-z0-9_-]{1,58}$/);
});

test('no Corral tool has a name that a tool server can take', () =>
  expect(toolDescriptions.filter(({ name }) => name.startsWith('mcp_'))).toEqual([]));

test('tools that are too many to list are found by words, with their parameters, and can be called then', async () => {
  const tool = (name: string, description: string) => ({ name, description, parameters: { title: name } }) as never;
  const all = [tool('mcp_a_forecast', 'The weather of a city'), tool('mcp_a_mail', 'Sends a letter')];
  const loaded: string[] = [];
  const search = createMcpSearchTool(all, (names) => void loaded.push(...names));
  const found = await search.run({} as never, { query: 'weather tomorrow' });
  expect(found.output).toContain('mcp_a_forecast: The weather of a city\nparameters: {"title":"mcp_a_forecast"}');
  expect(loaded).toEqual(['mcp_a_forecast']);
  const none = await search.run({} as never, { query: 'nothing' });
  expect(none.output).toContain('The tools are: mcp_a_forecast, mcp_a_mail');
});

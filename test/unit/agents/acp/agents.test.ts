// The scripted agent as a child of this process, in place of a program in a sandbox.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AcpAgents } from '../../../../src/agents/acp/agents.ts';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import type { AgentApprovalRequest, AgentStreamEnd, AgentUpdate } from '../../../../src/core/model/agent-updates.ts';
import type { ProgramClient, SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { removeFolder } from '../../../support/stores/store.ts';

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-acp-'));
  children = [];
  const script = readFileSync('test/support/agents/fake-acp-agent.mjs', 'utf8').replaceAll('/workspace', folder);
  writeFileSync(join(folder, 'agent.mjs'), script);
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await removeFolder(folder);
});

/** The programs of a sandbox, as far as an agent needs them. */
function programs(): ProgramClient {
  let child: ChildProcess | undefined;
  return {
    async open({ argv: [file = '', ...args] }: { argv: readonly string[] }) {
      child = spawn(file, args, { stdio: 'pipe' });
      children.push(child);
    },
    async attach(_id: string, reader: { onOutput: (chunk: Buffer) => unknown; onErrors: (chunk: Buffer) => unknown }) {
      const own = child as ChildProcess;
      const output = (async () => {
        for await (const chunk of own.stdout ?? []) await reader.onOutput(chunk as Buffer);
      })().catch(() => {});
      own.stderr?.on('data', reader.onErrors);
      own.stdin?.on('error', () => {});
      const ended = once(own, 'exit').then(async ([code]) => {
        await output;
        return { exitCode: (code as number | null) ?? 137 };
      });
      const write = async (bytes: Uint8Array) => void own.stdin?.write(bytes);
      return { ended, write, detach: () => {}, endInput: () => {} };
    },
    close: async () => void child?.kill('SIGKILL'),
  } as unknown as ProgramClient;
}

function bench(resume?: 'summary') {
  const docs = new Map<string, unknown>();
  const records = {
    get: async (_kind: string, id: string) => (docs.has(id) ? { id, doc: docs.get(id), version: 1 } : undefined),
    put: async ({ id, doc }: { id: string; doc: unknown }) => docs.set(id, doc).size,
  };
  let count = 0;
  const open = () => {
    const agents = new AcpAgents({ records: records as never, clock: systemClock, newId: () => `call-${++count}` });
    const client = { programs: programs() } as SandboxClient;
    const received: AgentUpdate[] = [];
    const turn = (texts: string[], args: string[] = [], signal = new AbortController().signal) => {
      const agent = { command: [process.execPath, join(folder, 'agent.mjs'), ...args], resume };
      const words = { texts, instructions: 'Be brief.', task: 'the task', history: () => 'An earlier part.' };
      const input = { sessionId: 's', runId: 'r', cwd: folder, silenceMs: 4_000, onDelivered: async () => {}, agent };
      return agents.turn(client, { ...input, ...words }, async (update) => void received.push(update), signal);
    };
    const replied = () => received.flatMap((one) => (one.kind === 'text' ? [one.text] : [])).join('');
    return { agents, client, received, turn, replied };
  };
  return { ...open(), again: open };
}
/** An agent with these arguments that had a first turn, and has gone; and the next one in its place. */
async function reopened(text: string, args: string[] = [], resume?: 'summary') {
  const first = bench(resume);
  const end = await first.turn([text], args);
  await first.agents.end(first.client);
  return { ...first.again(), end };
}
const nobody: AgentApprovalRequest = { callId: '', name: '', args: {}, content: null };
const callOf = (pause: AgentStreamEnd) => (pause.kind === 'asks' ? pause.call : nobody);

test('a task becomes the name of the model, thoughts, plan, calls, diff, cost and text, in their order', async () => {
  const { turn, received, replied } = bench();
  expect(await turn(['Do the task'])).toEqual({ kind: 'replied' });
  expect(received.map(({ kind }) => kind)).toEqual(
    'model thought plan call result plan call result plan spent text text'.split(' '),
  );
  expect(replied()).toBe('All done.');
  expect(received[0]).toEqual({ kind: 'model', name: 'fake-1' });
  expect(received[3]).toMatchObject({ name: 'execute', family: 'shell', args: { command: 'echo hi' } });
  expect(received[4]).toMatchObject({ success: true, content: { console: [{ command: 'echo hi', output: 'hi' }] } });
  expect(received[7]).toMatchObject({ success: true, content: { content: 'new\n', oldContent: 'old\n' } });
});

test.each([
  ['exits', 'Please exit', /exit code 7/],
  ['prints garbage', 'Please send garbage', /lines that are not messages/],
  ['sends a message that is too long', 'Send one that is too long', /larger than 4 MiB/],
  ['hangs', 'Please hang', /sent nothing for 4 s/],
])('an agent that %s fails as a value, and the next turn has a new one', async (_, text, why) => {
  const { turn, replied } = bench();
  expect(await turn([text])).toEqual({ kind: 'failed', code: 'agent_failed', message: expect.stringMatching(why) });
  expect(await turn(['Do the task'])).toEqual({ kind: 'replied' });
  expect(replied()).toContain('All done.');
});

test('a program that is not an agent fails as a value', async () => {
  const { turn } = bench();
  expect(await turn(['Do the task'], ['--exit-at-once'])).toMatchObject({ kind: 'failed', code: 'agent_failed' });
});

test('a stop ends the agent, and the turn rejects', async () => {
  const { turn, replied } = bench();
  const stop = new AbortController();
  const running = turn(['Please wait'], [], stop.signal);
  await expect.poll(replied).toBe('I wait.');
  const exit = once(children[0] as ChildProcess, 'exit');
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  await exit;
});

test('an interrupted agent ends its present work, and takes the next message with its memory', async () => {
  const { turn, agents, client, replied } = bench();
  const running = turn(['Please wait']);
  await expect.poll(replied).toBe('I wait.');
  agents.interrupt(client);
  expect(await running).toEqual({ kind: 'replied', isCut: true });
  await turn(['remember']);
  expect(replied()).toContain('I had 1 messages before.');
});

test('an agent that ends its work before anybody listens again is received all the same', async () => {
  const { turn, agents, client, replied } = bench();
  const pause = await turn(['I need permission']);
  agents.decide(client, callOf(pause), true);
  await new Promise((resolve) => setTimeout(resolve, 300)); // longer than the agent takes
  expect([await turn([]), replied()]).toEqual([{ kind: 'replied' }, 'You chose yes.']);
});

test('a message instead of a permission ends the present work before the agent takes it', async () => {
  const { turn, replied } = bench();
  expect(await turn(['I need permission'])).toMatchObject({ kind: 'asks' });
  expect(await turn(['remember'])).toEqual({ kind: 'replied' });
  expect(replied()).toBe('You chose no.I had 1 messages before.');
});

test('a request to read a file is refused, and a tool named __proto__ is a name like any other', async () => {
  const { turn, replied, received } = bench();
  await turn(['Read outside']);
  expect(replied()).toBe('refused: -32601');
  await turn(['Try proto']);
  expect(received.find(({ kind }) => kind === 'call')).toMatchObject({ name: '__proto__', family: 'mcp' });
  expect(({} as { a?: unknown }).a).toBeUndefined();
});

test('a call that begins without its arguments is reported with them, and its end as the agent last described it', async () => {
  const { turn, received } = bench();
  await turn(['Please stream a call']);
  const reported = received.filter(({ kind }) => kind === 'call' || kind === 'result');
  const [command, output] = ['make all', 'built\n'];
  const result = { args: { command, title: 'make all (done)' }, output, exitCode: 2 };
  expect(reported).toMatchObject([
    { kind: 'call', family: 'shell', args: { command, title: 'make all' } },
    { kind: 'result', ...result, content: { console: [{ command, output }] } },
  ]);
});

test('a person sees the whole text that a call would write before deciding on it', async () => {
  const { turn, received, agents, client } = bench();
  const pause = await turn(['Please write two files']);
  const call = {
    args: { title: 'Write a.txt and b.txt', path: '/workspace/a.txt', paths: ['/workspace/a.txt', '/workspace/b.txt'] },
    content: {
      content: '=== /workspace/a.txt\nnew\n\n=== /workspace/b.txt\nfresh\n',
      oldContent: '=== /workspace/a.txt\nold\n\n=== /workspace/b.txt\n',
    },
  };
  const inFolder = JSON.parse(JSON.stringify(call).replaceAll('/workspace', folder));
  expect(pause).toMatchObject({ kind: 'asks', title: 'Write a.txt and b.txt', call: inFolder });
  agents.decide(client, callOf(pause), true);
  await turn([]);
  expect(received.find(({ kind }) => kind === 'result')).toMatchObject({ output: 'Wrote 2 files.', ...inFolder });
});

test('two concurrent permission requests are shown one after the other', async () => {
  const { turn, agents, client, replied } = bench();
  const first = await turn(['I need two permissions']);
  expect(first).toMatchObject({ kind: 'asks', title: 'one' });
  agents.decide(client, callOf(first), true);
  const second = await turn([]);
  expect(second).toMatchObject({ kind: 'asks', title: 'two' });
  agents.decide(client, callOf(second), false);
  await turn([]);
  expect(replied()).toBe('You chose yes and no.');
});

test('history that an agent repeats after its answer to session/load is ignored', async () => {
  const second = await reopened('remember', ['--late']);
  await second.turn(['remember'], ['--late']);
  const expected = ['I had 1 messages before.', []];
  expect([second.replied(), second.received.filter(({ kind }) => kind === 'call')]).toEqual(expected);
});

test('an agent that cannot load its session takes a new message with a summary, and says so', async () => {
  const second = await reopened('remember', ['--lost']);
  expect(await second.turn(['remember'], ['--lost'])).toEqual({ kind: 'replied' });
  expect(second.received[0]).toMatchObject({ kind: 'forgot', detail: expect.stringContaining('No such session.') });
  const kept = JSON.parse(readFileSync(join(folder, '.fake-agent.json'), 'utf8'));
  expect(kept['fake-2']).toEqual(['Be brief.\n\nAn earlier part.\n\nremember']);
});

test('an agent whose template wants it takes a new message with a summary, though it can load its session', async () => {
  const second = await reopened('remember', [], 'summary');
  expect(await second.turn(['remember'])).toEqual({ kind: 'replied' });
  expect(second.received[0]).toMatchObject({ kind: 'forgot', detail: expect.stringContaining('its template') });
  expect(second.replied()).toBe('I had 0 messages before.');
});

test.each([
  ['the agent cannot load its session', '--forgetful', ''],
  ['its session is lost', '--lost', 'No such session.'],
])('work that was cut ends typed with the reason where %s', async (_, option, reason) => {
  const { turn } = await reopened('remember', [option]);
  const expected = { kind: 'failed', code: 'agent_failed', message: expect.stringContaining(reason) };
  expect(await turn([], [option])).toMatchObject(expected);
});

test.each([
  [true, 'You chose yes.'],
  [false, 'You chose no.'],
])('a decision (%s) on a call of an agent that has gone answers the same call once', async (allowed, expected) => {
  const second = await reopened('I need permission');
  second.agents.decide(second.client, callOf(second.end), allowed);
  expect(await second.turn(['I need permission'])).toEqual({ kind: 'replied' });
  expect(second.replied()).toBe(expected);
  expect(await second.turn(['I need permission'])).toMatchObject({ kind: 'asks' });
});

// @module-tag all
// An agent with a loop of its own works in real sandboxes as the run of a session. The agent is scripted; what it does
// follows from the words of the message.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, onTestFinished, type TestContext, test, vi } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { type WorldServer, worldServer } from '../../support/servers/real-server.ts';
import { settingsFolder } from '../../support/stores/store.ts';
import { inEachWorld, type worlds } from '../../support/worlds.ts';

const files = settingsFolder({
  'templates/fake.yaml': 'agent: {kind: acp, command: [node, /workspace/agent.mjs]}\nprompt: Be brief.\n',
  'templates/thrifty.yaml': 'agent: {kind: acp, command: [node, /workspace/agent.mjs]}\nrun: {token-budget: 1000}\n',
});

const opened = new Map<string, Promise<WorldServer>>();
beforeAll(() => void vi.stubEnv('CORRAL_CONFIG', files.config));
afterAll(async () => {
  vi.unstubAllEnvs();
  for (const real of opened.values()) await (await real)[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

async function serverFor(context: TestContext, world: (typeof worlds)[number], more: Record<string, string> = {}) {
  const key = JSON.stringify([world.driver, more]);
  const real = opened.get(key) ?? worldServer(context, world, more);
  opened.set(key, real);
  return await real;
}
const agentText = () => readFile('test/support/agents/fake-acp-agent.mjs', 'utf8');

async function box(real: WorldServer, template: 'fake' | 'thrifty') {
  const client = openClient(real.server.url, 'ws');
  onTestFinished(() => client[Symbol.dispose]());
  const { id } = await client.sessions.create.mutate({ template });
  await client.files.write.mutate({ sessionId: id, path: 'agent.mjs', content: await agentText() });
  const message = () => real.factsOf(id, 'message.assistant').map(({ data }) => data.text);
  const ends = () => real.factsOf(id, 'run.end').map(({ data }) => data);
  return {
    id,
    client,
    runs: client.runs,
    message,
    ends,
    send: (text: string) => client.runs.send.mutate({ sessionId: id, text }),
    /** Sends a message and waits for the end of its run. */
    async ask(text: string) {
      const before = ends().length;
      await client.runs.send.mutate({ sessionId: id, text });
      await expect.poll(() => ends().length).toBe(before + 1);
      return ends().at(-1);
    },
  };
}

inEachWorld('process', 'an ACP agent on $driver', (world) => {
  test('does a task: plan, thoughts, tool calls, diff, cost and answer are in the log', async (context) => {
    const real = await serverFor(context, world);
    const it = await box(real, 'fake');
    expect(await it.ask('Do the task')).toMatchObject({ status: 'completed' });
    expect(it.message()).toEqual(['All done.']);
    expect(real.factsOf(it.id, 'tool.called').map(({ data }) => data)).toMatchObject([
      {
        tool: 'shell',
        function: 'execute',
        success: true,
        content: { console: [{ command: 'echo hi', output: 'hi' }] },
      },
      { tool: 'file', function: 'edit', success: true, content: { content: 'new\n', oldContent: 'old\n' } },
    ]);
    const [plan] = real.factsOf(it.id, 'plan');
    expect(plan?.data.steps.map(({ description }) => description)).toEqual(['Look', 'Write']);
    expect(real.factsOf(it.id, 'step').filter(({ data }) => data.status === 'completed')).toHaveLength(2);
    const expected = { inputTokens: 1200, cost: 0.25, thoughts: 'Let me see.' };
    expect(real.factsOf(it.id, 'usage')[0]?.data).toMatchObject(expected);
    await real.holds(it.id);
  });

  test('asks for a permission, which a person gives or refuses', async (context) => {
    const real = await serverFor(context, world);
    const it = await box(real, 'fake');
    for (const [n, decision] of (['approve', 'reject'] as const).entries()) {
      await it.send('I need permission');
      await expect.poll(() => real.factsOf(it.id, 'approval.requested').length).toBe(n + 1);
      const { data } = real.factsOf(it.id, 'approval.requested')[n] ?? {};
      expect(data).toMatchObject({ function: 'execute', args: { command: 'rm -rf build' } });
      await real.rests(it.id, 'waiting'); // the log's file can be ahead of the server's memory
      await it.runs[decision].mutate({ sessionId: it.id, callId: data?.callId ?? '' });
      await expect.poll(() => it.ends().length).toBe(n + 1);
    }
    expect(it.message().filter((text) => text.startsWith('You chose'))).toEqual(['You chose yes.', 'You chose no.']);
  });

  test('stops, and leaves no process', async (context) => {
    const real = await serverFor(context, world);
    const it = await box(real, 'fake');
    await it.send('Please wait');
    await expect.poll(() => real.log(it.id).some(({ type }) => type === 'message.delta')).toBe(true);
    await it.runs.stop.mutate({ sessionId: it.id });
    expect(it.ends()).toMatchObject([{ status: 'stopped' }]);
    const input = { sessionId: it.id, command: 'pgrep -fc "[a]gent.mjs" || true' };
    const { stdout } = await it.client.sandbox.exec.mutate(input);
    expect(stdout.trim()).toBe('0');
  });

  test('stops at its token budget in the middle of its work, and continues when more is granted', async (context) => {
    const real = await serverFor(context, world);
    const it = await box(real, 'thrifty');
    await it.send('Please spend and wait');
    await expect.poll(() => real.factsOf(it.id, 'run.wait').length).toBe(1);
    const expected = { reason: 'budget', budget: { scope: 'run', kind: 'tokens', limit: 1000, used: 5000 } };
    expect(real.factsOf(it.id, 'run.wait')[0]?.data).toMatchObject(expected);
    await it.send('Then remember');
    await expect.poll(() => it.ends().length).toBe(1);
    expect(it.message().at(-1)).toBe('I had 1 messages before.');
  });
});

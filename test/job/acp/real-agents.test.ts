// @module-tag nightly
// Coding agents from npm, as the server's own templates start them, work in real sandboxes. Their models are fakes, and
// their keys stay with the proxy.
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import type { FakeCall, FakeRequest, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { standIn } from '../../support/egress/egress.ts';
import { selfSigned } from '../../support/egress/egress-certificate.ts';
import { filesUnder, formsOf, insideOf } from '../../support/hostile/canaries.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { removeFolder } from '../../support/stores/store.ts';
import { type World, worlds } from '../../support/worlds.ts';

interface Agent {
  readonly template: string;
  readonly wire: WireName;
  readonly call: FakeCall;
  /** The agent's command, with the address of its model. */
  at(command: readonly string[], url: string): readonly string[];
  readonly credential: Readonly<Record<string, unknown>>;
  /** Finds the agent's processes. */
  readonly process: string;
  /** The agent's template starts a new session with a summary after its process has ended. */
  readonly startsAnew?: true;
  /** The agent's requests differ from those that the fake API accepts, whose rules are for Corral's own requests. */
  readonly isUnlike?: true;
}
const agents: readonly Agent[] = [
  {
    template: 'gemini-cli',
    wire: 'gemini',
    call: { name: 'run_shell_command', args: { command: 'echo by the agent > made.txt', description: 'Make a file' } },
    at: (command, url) => ['env', `GOOGLE_GEMINI_BASE_URL=${url}`, ...command, '-m', 'gemini-2.5-flash'],
    credential: { header: 'x-goog-api-key', env: ['GEMINI_API_KEY'] },
    process: '[g]emini',
    startsAnew: true,
  },
  {
    template: 'codex',
    wire: 'openai',
    call: { name: 'exec_command', args: { cmd: 'echo by the agent > made.txt' } },
    at: (command, url) => {
      const provider = `{name="fake",base_url="${url}/v1",env_key="OPENAI_API_KEY",wire_api="responses"}`;
      const settings = ['model="gpt-5-mini"', 'model_provider="fake"', `model_providers.fake=${provider}`];
      return [...command, ...settings.flatMap((setting) => ['-c', setting])];
    },
    credential: { scheme: 'bearer', env: ['OPENAI_API_KEY'] },
    process: '[c]odex-acp',
  },
  {
    template: 'claude-code',
    wire: 'anthropic',
    call: { name: 'Bash', args: { command: 'echo by the agent > made.txt', description: 'Make a file' } },
    at: (command, url) => ['env', `ANTHROPIC_BASE_URL=${url}`, ...command],
    credential: { header: 'x-api-key', env: ['ANTHROPIC_API_KEY'] },
    process: '[c]laude-agent-acp',
    isUnlike: true,
  },
  {
    template: 'opencode',
    wire: 'compatible',
    call: { name: 'bash', args: { command: 'echo by the agent > made.txt', description: 'Make a file' } },
    at: ([, ...command], url) => {
      const options = { baseURL: `${url}/v1`, apiKey: '{env:FAKE_API_KEY}' };
      const fake = { npm: '@ai-sdk/openai-compatible', name: 'Fake', models: { m1: { name: 'M1' } }, options };
      const settings = { model: 'fake/m1', small_model: 'fake/m1', provider: { fake } };
      return ['env', `OPENCODE_CONFIG_CONTENT=${JSON.stringify(settings)}`, ...command];
    },
    credential: { scheme: 'bearer', env: ['FAKE_API_KEY'] },
    process: '[o]pencode acp',
  },
];
const host = hostname();
const docker = worlds.find(({ driver }) => driver === 'docker') as World;

/** A server whose template for the agent uses a fake of its model's API over TLS. */
async function serverFor(context: TestContext, agent: Agent, recipe?: string) {
  const { template, wire, call, at, credential, isUnlike = false } = agent;

  const stack = new AsyncDisposableStack();
  const waiting = (body: unknown) =>
    /Please wait/.test(JSON.stringify(body)) && !/You were interrupted/.test(JSON.stringify(body));
  const fake = stack.use(
    await fakeProvider(
      wire,
      ({ body }: FakeRequest) => {
        if (waiting(body)) return 'silence';
        const messages = body.messages ?? body.contents ?? body.input;
        if (JSON.stringify(messages).includes('You were interrupted')) return { text: 'I go on.' };
        const isBack = /functionResponse|function_call_output|"tool_result"|"role":"tool"/.test(
          JSON.stringify(messages),
        );
        const hasTools = isBack || JSON.stringify(body.tools ?? '').includes(call.name);
        return isBack ? { text: 'All done.' } : { text: 'I make it.', ...(hasTools && { calls: [call] }) };
      },
      { isUnlike },
    ),
  );
  const certificate = selfSigned(host);
  const { origin } = new URL(fake.url);
  const front = createServer(certificate, (req, res) => {
    const { method, headers } = req;
    const onward = request(`${origin}${req.url}`, { method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy());
    req.pipe(onward);
  });
  const { port } = stack.use(await standIn(front));
  const folder = await mkdtemp(join(tmpdir(), 'corral-agents-'));
  onTestFinished(() => removeFolder(folder));
  await mkdir(join(folder, 'templates'));
  const own = parse(await readFile(`src/agents/templates/${template}.yaml`, 'utf8'));
  own.agent.command = at(own.agent.command, `https://${host}:${port}`);
  await writeFile(join(folder, 'templates', `${template}.yaml`), stringify(own));
  const key = join(folder, 'key');
  const address = `${host}:${port}`;
  const page = recipe?.replaceAll('generativelanguage.googleapis.com', address).replace('/etc/corral/gemini-key', key);
  await writeFile(join(folder, 'corral.yaml'), page ?? '');
  await writeFile(join(folder, 'ca.pem'), certificate.cert);
  await writeFile(key, fakeKey);
  const model = { hosts: [address], 'value-from': { file: key }, ...credential };
  const settings = { CORRAL_EGRESS_ALLOW: address, CORRAL_EGRESS_CREDENTIALS: JSON.stringify({ model }) };
  const real = stack.use(
    await realServer(context, docker, {
      CORRAL_CONFIG: join(folder, 'corral.yaml'),
      CORRAL_EXTRA_CA: join(folder, 'ca.pem'),
      CORRAL_EGRESS_POLICY: 'allow-list',
      CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8',
      ...(recipe === undefined && settings),
    }),
  );
  const client = openClient(real.server.url, 'ws');
  onTestFinished(() => client[Symbol.dispose]());
  return { fake, real, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
type Server = Awaited<ReturnType<typeof serverFor>>;

/** The places that contain the key, in any encoding. */
async function placesOfTheKey({ real }: Server, id: string): Promise<string[]> {
  const found: string[] = [];
  const look = ({ path, text }: { path: string; text: string }) => {
    if (formsOf(fakeKey).some((form) => text.includes(form))) found.push(path);
  };
  for await (const inside of insideOf(docker, id)) look(inside);
  for await (const file of filesUnder(real.server.data)) look(file);
  look({ path: "the server's output", text: real.server.output() });
  look({ path: 'the events', text: JSON.stringify(real.log(id)) });
  return found;
}

// The image with the agents is built first, because the build downloads them.

test.for(agents)('$template does a task with a permission, and its key is nowhere inside', async (agent, context) => {
  await using it = await serverFor(context, agent);
  const { real, client, fake } = it;
  const { id } = await client.sessions.create.mutate({ template: agent.template });
  await client.runs.send.mutate({ sessionId: id, text: 'Make a file' });
  await expect.poll(() => real.factsOf(id, 'approval.requested').length).toBe(1);
  const [approval] = real.factsOf(id, 'approval.requested');
  expect(approval?.data.args.command).toContain('echo by the agent > made.txt');
  const made = () => client.sandbox.exec.mutate({ sessionId: id, command: 'cat made.txt' });
  expect((await made()).exitCode).not.toBe(0);
  await client.runs.approve.mutate({ sessionId: id, callId: approval?.data.callId ?? '' });
  await expect.poll(() => real.factsOf(id, 'run.end').length).toBe(1);
  expect(real.factsOf(id, 'run.end')[0]?.data, real.server.output()).toMatchObject({ status: 'completed' });
  expect((await made()).stdout).toBe('by the agent\n');
  expect(real.factsOf(id, 'message.assistant').at(-1)?.data.text).toContain('All done.');
  expect(real.factsOf(id, 'tool.called').map(({ data }) => [data.tool, data.success])).toEqual([['shell', true]]);
  expect(real.factsOf(id, 'usage').reduce((sum, { data }) => sum + data.inputTokens, 0)).toBeGreaterThan(100);
  expect(real.factsOf(id, 'egress').map(({ data }) => data.rule)).toContain('credential: model');
  expect([fake.refusals, await placesOfTheKey(it, id)]).toEqual([[], []]);
  await real.holds(id);
});

test('the settings of the recipe make Gemini CLI the agent', async (context) => {
  const page = await readFile('docs/recipes/gemini-cli.md', 'utf8');
  const [, settings = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  expect(parse(settings).egress.policy).toBe('allow-list');
  await using it = await serverFor(context, agents[0] as Agent, settings.replaceAll(/^ {3}/gm, ''));
  const { real, client } = it;
  const { id } = await client.sessions.create.mutate({});
  await client.runs.send.mutate({ sessionId: id, text: 'Write hello.txt' });
  await expect.poll(() => real.factsOf(id, 'approval.requested').length).toBe(1);
  await client.runs.send.mutate({ sessionId: id, text: 'approve' });
  await expect.poll(() => real.factsOf(id, 'run.end').length).toBe(1);
  expect(real.factsOf(id, 'message.assistant').at(-1)?.data.text).toContain('All done.');
  expect(real.factsOf(id, 'egress').map(({ data }) => data.rule)).toContain('credential: gemini');
  expect(await placesOfTheKey(it, id)).toEqual([]);
});

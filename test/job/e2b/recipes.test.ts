// @module-tag all
// The recipes for programs of others: the packages and the program of each page, run as they are written there.
import { readFile } from 'node:fs/promises';
import { expect, type TestContext, test } from 'vitest';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import type { ScriptedReply, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { runWritten } from '../../support/clients/e2b-sdks.ts';
import { buildVariant } from '../../support/servers/build-variant.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

interface Recipe {
  readonly page: string;
  readonly language: 'javascript' | 'python';
  readonly wire: WireName;
  /** The model's replies before the last, which repeats the last result. */
  readonly turns: readonly ScriptedReply[];
}
const code = [
  'found = [n for n in range(2, 600) if all(n % d for d in range(2, n))][:100]',
  'print("of", len(found), "primes:", sum(found))',
].join('\n');
const recipes: readonly Recipe[] = [
  {
    page: 'langchain',
    language: 'python',
    wire: 'compatible',
    turns: [{ calls: [{ name: 'run_python', args: { code } }] }],
  },
  {
    page: 'vercel-ai-sdk',
    language: 'javascript',
    wire: 'compatible',
    turns: [{ calls: [{ name: 'runPython', args: { code } }] }],
  },
  {
    page: 'deepagents',
    language: 'python',
    wire: 'compatible',
    turns: [
      { calls: [{ name: 'write_file', args: { file_path: '/home/user/primes.py', content: code } }] },
      { calls: [{ name: 'execute', args: { command: 'python3 /home/user/primes.py' } }] },
    ],
  },
  { page: 'computesdk', language: 'javascript', wire: 'compatible', turns: [] }, // runs its code without a model
  {
    page: 'openai-agents-sdk',
    language: 'python',
    wire: 'openai',
    turns: [
      { calls: [{ name: 'exec_command', args: { cmd: `cat > primes.py <<'END'\n${code}\nEND` } }] },
      { text: 'It is written.' },
      { calls: [{ name: 'exec_command', args: { cmd: 'python3 primes.py' } }] }, // in the second sandbox
    ],
  },
];
const token = 'e2b_0123456789';

/** The text of the page's first block in this language, without the list's indentation. */
function blockOf(page: string, kind: string): string {
  const [, text = ''] = new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
  return text.replaceAll(/^ {3}/gm, '');
}

test.for(recipes)('the recipe $page does its work', { tags: ['nightly'] }, async (recipe, context: TestContext) => {
  await needs(context, 'docker');
  const { language, wire, turns } = recipe;
  const page = await readFile(`docs/recipes/${recipe.page}.md`, 'utf8');
  const packages = blockOf(page, 'sh').replaceAll('"', '').trim().split(/\s+/).slice(2); // after `pip install`
  const source = blockOf(page, language === 'python' ? 'python' : 'js');
  await buildVariant('code');
  await using fake = await fakeProvider(wire, ({ body }, n) => {
    const turn = turns[n];
    if (turn) return turn;
    const [, sum] = /of 100 primes: (\d+)/.exec(JSON.stringify(body)) ?? [];
    return { text: sum === undefined ? JSON.stringify(body.input ?? body.messages) : `The sum is ${sum}.` };
  });
  await using server = await serverProcess({ CORRAL_DRIVER: 'docker', CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: token });
  const reply = await runWritten(
    { language, packages, source },
    {
      E2B_API_URL: server.url,
      E2B_SANDBOX_URL: server.url,
      E2B_API_KEY: token,
      OPENAI_BASE_URL: fake.url,
      OPENAI_API_KEY: fakeKey,
      OPENAI_AGENTS_DISABLE_TRACING: '1',
    },
  );
  expect([reply.trim().split('\n').at(-1), fake.refusals]).toEqual(['The sum is 24133.', []]);
  const left = await fetch(`${server.url}/v2/sandboxes`, { headers: { 'x-api-key': token } });
  expect(await left.json()).toEqual([]);
});

test("LangChain's own tests for sandboxes pass", { tags: ['nightly'] }, async (context: TestContext) => {
  await needs(context, 'docker');
  const suite = ['langchain-e2b==0.0.6', 'langchain-tests==1.1.9', 'pytest==9.2.0', 'pytest-asyncio==1.5.0'];
  const source = await readFile('test/job/e2b/programs/langchain_suite.py', 'utf8');
  await using server = await serverProcess({ CORRAL_DRIVER: 'docker', CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: token });
  const env = { E2B_API_URL: server.url, E2B_SANDBOX_URL: server.url, E2B_API_KEY: token };
  const reply = await runWritten({ language: 'python', packages: suite, source }, env); // rejects when a test fails
  expect(reply).toMatch(/\b86 passed\b/);
});

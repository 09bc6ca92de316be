// The recipes for programs of others: the packages and the program of each page, run as they are written there.
import { readFile } from 'node:fs/promises';
import { expect, type TestContext, test } from 'vitest';
import { buildVariant } from '../../support/build-variant.ts';
import { needs } from '../../support/components.ts';
import { runWritten } from '../../support/e2b-sdks.ts';
import { type FakeCall, fakeKey, fakeProvider, type WireName } from '../../support/fake-models/server.ts';
import { onlyNightly } from '../../support/nightly.ts';
import { serverProcess } from '../../support/server-process.ts';

interface Recipe {
  readonly page: string;
  readonly language: 'javascript' | 'python';
  readonly wire: WireName;
  /** The model's calls, one in each turn, before it repeats the last result in its answer. */
  readonly calls: readonly FakeCall[];
}
const code = [
  'found = [n for n in range(2, 600) if all(n % d for d in range(2, n))][:100]',
  'print("of", len(found), "primes:", sum(found))',
].join('\n');
const recipes: readonly Recipe[] = [
  { page: 'langchain', language: 'python', wire: 'compatible', calls: [{ name: 'run_python', args: { code } }] },
  { page: 'vercel-ai-sdk', language: 'javascript', wire: 'compatible', calls: [{ name: 'runPython', args: { code } }] },
  {
    page: 'openai-agents-sdk',
    language: 'python',
    wire: 'openai',
    calls: [
      { name: 'write_file', args: { path: 'primes.py', content: code } },
      { name: 'run_command', args: { command: 'python3 primes.py' } },
    ],
  },
];
const token = 'e2b_0123456789';

/** The text of the page's first block in this language, without the list's indentation. */
function blockOf(page: string, kind: string): string {
  const [, text = ''] = new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
  return text.replaceAll(/^ {3}/gm, '');
}

test.for(recipes)(
  'the program of the recipe $page does its work in a sandbox',
  { timeout: 600_000 },
  async (recipe, context: TestContext) => {
    onlyNightly(context, 'installs packages of 200 MB');
    await needs(context, 'docker');
    const { language, wire, calls } = recipe;
    const page = await readFile(`docs/recipes/${recipe.page}.md`, 'utf8');
    const packages = blockOf(page, 'sh').trim().split(/\s+/).slice(2); // after `pip install`
    const source = blockOf(page, language === 'python' ? 'python' : 'js');
    await buildVariant('code', 'corral-test/sandbox-code:latest');
    await using fake = await fakeProvider(wire, ({ body }, n) => {
      const call = calls[n];
      if (call) return { calls: [call] };
      const [, sum] = /of 100 primes: (\d+)/.exec(JSON.stringify(body)) ?? [];
      return { text: `The sum is ${sum}.` };
    });
    await using server = await serverProcess({ CORRAL_DRIVER: 'docker', CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: token });
    const said = await runWritten(
      { language, packages, source },
      {
        ...{ E2B_API_URL: server.url, E2B_SANDBOX_URL: server.url, E2B_API_KEY: token },
        ...{ OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: fakeKey, OPENAI_AGENTS_DISABLE_TRACING: '1' },
      },
    );
    expect(said.trim().split('\n').at(-1)).toBe('The sum is 24133.');
    expect(fake.refusals).toEqual([]);
    const left = await fetch(`${server.url}/v2/sandboxes`, { headers: { 'x-api-key': token } });
    expect(await left.json()).toEqual([]);
  },
);

// @module-tag all
// Tools of the operator with a real server: the example in a run, and modules that stop the start.
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { FakeReply, FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { settingsFolder } from '../../support/stores/store.ts';

const example = 'examples/custom-tool';

function replies({ body }: FakeRequest): FakeReply {
  const prompt = JSON.stringify(body);
  if (prompt.includes('different')) return { text: 'Three words.' };
  if (prompt.includes('shell replied')) return { calls: [{ name: 'word_count', args: { path: 'a.txt' } }] };
  const command = 'echo one two two > a.txt; echo shell replied';
  return { calls: [{ name: 'shell_exec', args: { id: 'main', command } }] };
}

test('an agent calls the tool of the example, in its own sandbox and with its own log', async () => {
  await using provider = await fakeProvider('compatible', replies);
  using folder = settingsFolder({
    'tools/zod-alone.js':
      "import { z } from 'zod';\nexport default { description: 'x', parameters: z.object({}), run: () => '' };",
  });
  cpSync(join(example, 'tools'), join(folder.path, 'tools'), { recursive: true });
  const settings = {
    CORRAL_CONFIG: folder.config,
    CORRAL_DRIVER: 'memory',
    ...fakeSettings('compatible', provider.url),
  };
  await using server = await serverProcess(settings);
  using client = openClient(server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ template: 'minimal', task: 'Count' });
  const eventsOf = async () => (await client.events.list.query({ sessionId: id, limit: 1_000 })).events;
  const isOver = async () => (await eventsOf()).some(({ type }) => type === 'run.end');
  await expect.poll(isOver).toBe(true);
  const events = await eventsOf();
  const calls = events.flatMap((it) =>
    it.type === 'tool.called' && it.data.function === 'word_count' ? [it.data] : [],
  );
  expect(JSON.stringify(calls)).toContain('3 words, 2 different');
  const output = events.flatMap((it) => (it.type === 'tool.output' ? [it.data.text] : []));
  expect(output.join('')).toContain('3 words in a.txt');
  const { tools } = await client.sessions.agent.query({ id });
  expect(tools).toEqual(expect.arrayContaining(['word_count', 'zod_alone']));
});

test('a wrong module stops the start, and the error names file and field of every mistake', async () => {
  const begin =
    "import { defineTool, z } from 'corral/tools';\nconst parameters = z.object({});\nconst run = async () => '';\n";
  using folder = settingsFolder({
    'tools/broken.ts': 'export default {',
    'tools/nameless.ts': `${begin}export default defineTool({ parameters, run, description: '' });`,
    'tools/shell_exec.ts': `${begin}export default defineTool({ parameters, run, description: 'mine' });`,
    'tools/one.ts': `${begin}export default defineTool({ parameters, run, description: 'x', name: 'same' });`,
    'tools/two.js': `${begin}export default defineTool({ parameters, run, description: 'x', name: 'same' });`,
    'tools/_shared.ts': 'this is not even a module',
    'tools/one.test.ts': 'nor is this',
  });
  const settings = { CORRAL_CONFIG: folder.config, CORRAL_DRIVER: 'memory' };
  const failure = String(await serverProcess(settings).catch((error: unknown) => error));
  expect(failure).toMatch(/tools\/broken[.]ts cannot be loaded: /);
  expect(failure).toMatch(/tools\/nameless[.]ts: description: /);
  expect(failure).toMatch(
    /tools\/shell_exec[.]ts: name: shell_exec is a built-in tool of the server and cannot be replaced[.]/,
  );
  expect(failure).toMatch(/tools\/two[.]js: name: another file also defines the tool same[.]/);
  expect(failure).not.toMatch(/_shared|one[.]test/);
});

test("the example's own test passes", async () => {
  const args = ['--conditions=corral-source', '--test', join(example, 'word-count.test.ts')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { PATH: process.env.PATH } });
  expect(stdout).toMatch(/pass 2\n/);
});

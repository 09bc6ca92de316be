// `node --conditions=corral-source --test examples/custom-tool` runs this test, without a server and without a sandbox.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomToolContext } from 'corral/tools';
import wordCount from './tools/word_count.ts';

const files: Record<string, string> = { 'a.txt': 'The cat and the dog.', 'empty.txt': '' };

function context(lines: string[] = []): CustomToolContext {
  return {
    signal: new AbortController().signal,
    log: (line) => void lines.push(line),
    sandbox: {
      workdir: '/workspace',
      exec: async () => ({ exitCode: 0, stdout: '', stderr: '', timedOut: false }),
      readFile: async (path) => new TextEncoder().encode(files[path]),
      writeFile: async () => {},
    },
  };
}

test('it counts the words and names the most frequent ones', async () => {
  const lines: string[] = [];
  const args = wordCount.parameters.parse({ path: 'a.txt', top: 2 });
  assert.equal(await wordCount.run(context(lines), args), '5 words, 4 different\n2 the\n1 and');
  assert.deepEqual(lines, ['5 words in a.txt']);
});

test('a file without words is a failure that the model can read', async () => {
  const args = wordCount.parameters.parse({ path: 'empty.txt' });
  assert.deepEqual(await wordCount.run(context(), args), { ok: false, output: 'empty.txt has no words.' });
});

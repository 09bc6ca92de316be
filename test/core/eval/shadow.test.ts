// @module-tag all
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runSessionCommand } from '../../../eval/lib/sessions.ts';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { api, fence } from '../../support/clients/api.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

/** A session of the demo model that wrote a file and ran a command. Its server is stopped. */
async function recorded(): Promise<string> {
  await using server = await composedServer({}, folder.path);
  const client = api(server.url);
  const id = await client.create();
  await client.send(id, `Two things\n${fence('file:a.txt', 'one')}\n${fence('sh', 'echo two')}`);
  await expect.poll(() => client.status(id)).toBe('completed');
  return id;
}

async function shadow(...args: string[]) {
  vi.stubEnv('CORRAL_DATA_DIR', folder.path);
  const printed: string[] = [];
  const at = { signal: new AbortController().signal, print: (line: string) => void printed.push(line), say: () => {} };
  return { code: await runSessionCommand(['shadow', ...args], at), text: printed.join('\n') };
}

test('a model that answers from the request alone differs from itself at no turn', async () => {
  const id = await recorded();
  const file = join(folder.path, 'shadow.json');
  const { code, text } = await shadow(id, '--model', 'demo', '--json', file);
  expect(code).toBe(0);
  expect(text).toContain('differences: kind 0, tools 0, arguments 0, text 0, none 6, failed 0');
  const { turns } = JSON.parse(await readFile(file, 'utf8'));
  expect(turns.map(({ phase }: { phase: string }) => phase)).toEqual(['plan', 'act', 'act', 'act', 'act', 'summarize']);
  expect(turns[1].recorded.calls).toMatchObject([{ name: 'file_write' }]);
});

test('another model gets the very conversation of each turn, and its differences, tokens and price are shown', async () => {
  const id = await recorded();
  await using other = await fakeProvider('compatible', ({ body }) =>
    body.tools?.length > 1
      ? { calls: [{ name: 'file_write', args: { file: 'b.txt', content: 'x' } }] }
      : { text: 'No.' },
  );
  vi.stubEnv('CORRAL_MODELS_COMPATIBLE', JSON.stringify({ other: { 'base-url': other.url } }));
  vi.stubEnv('CORRAL_MODELS_CATALOG', JSON.stringify({ 'other/b': { price: { input: 1, output: 2 } } }));
  const { code, text } = await shadow(id, '--model', 'other/b');
  expect(code).toBe(0);
  expect(text).toContain('differences: kind 3, tools 2, arguments 1, text 0, none 0, failed 0');
  expect(text).toMatch(/^other\/b: 720 tokens in, 252 out, price 0\.00\d+$/m);
  expect(other.requests).toHaveLength(6);
  const last = JSON.stringify(other.requests.at(-1)?.body.messages);
  expect(last).toContain('Two things');
  expect(last).toContain('two\\n'); // the output of the command
});

test('a session without recorded turns, and an unknown model, are refused with words', async () => {
  const id = await recorded();
  await expect(shadow('0123456789abcdef', '--model', 'demo')).rejects.toThrow('no turn of that session');
  await expect(shadow(id, '--model', 'nobody/nothing')).rejects.toThrow('nobody');
  await expect(shadow(id)).rejects.toThrow('--model is missing');
});

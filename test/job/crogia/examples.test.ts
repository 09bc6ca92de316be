// @module-tag nightly
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, type TestContext, test } from 'vitest';
import { api } from '../../support/clients/api.ts';
import { needs } from '../../support/servers/components.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

// Runs the examples from the facade's own description, unchanged except for the port. The test adds the parts that they
// lack on any server: a missing helper, the wait for `open` before `send`, and an origin outside a page.

let running: Promise<ServerProcess> | undefined;
afterAll(async () => await (await running)?.[Symbol.asyncDispose]());

async function started(context: TestContext) {
  await needs(context, 'bubblewrap');
  running ??= serverProcess({ CORRAL_DRIVER: 'process', CORRAL_EGRESS_POLICY: 'none' });
  const server = await running;
  const { port } = new URL(server.url);
  const example = async (name: string) => {
    const text = await readFile(join(import.meta.dirname, '../../support/examples', name), 'utf8');
    return text.replaceAll('localhost:8000', `localhost:${port}`);
  };
  return { server, example, client: api(server.url) };
}

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...args: unknown[]) => Promise<unknown>;
const untilCompleted =
  "await new Promise((done) => ws.addEventListener('message', ({ data }) => JSON.parse(data).type === 'task_completed' && done()));";

test('the JavaScript client of Crogia runs in Node', async (context) => {
  const { example } = await started(context);
  const types: string[] = [];
  let output = '';
  const script = new AsyncFunction(
    'appendToOutput',
    'console',
    `${await example('crogia-client.js.txt')}\n${untilCompleted}`,
  );
  await script(
    (text: string) => {
      output += text;
    },
    { log: (_word: string, type: string) => void types.push(type) },
  );
  expect([types.slice(0, 2), types.at(-1)]).toEqual([['connection_established', 'task_started'], 'task_completed']);
  expect(output).toMatch(/^Demo, no AI\. It cannot do this\./);
});

/** Adds a wait for `open`: the example sends before its socket is open, which throws in every client. */
const waiting = (text: string) =>
  text.replace('// Send message', "await new Promise((open) => ws.addEventListener('open', open));\n// Send message");

test('the JavaScript client of CambioML runs in Node', async (context) => {
  const { example, server } = await started(context);
  const printed: string[] = [];
  const fetchHere = (path: string, init: RequestInit) => fetch(server.url + path, init);
  const text = `${waiting(await example('cambio-client.js.txt'))}\n${untilCompleted}`;
  const script = new AsyncFunction('fetch', 'console', text);
  await script(fetchHere, { log: (_word: string, content: string) => void printed.push(content) });
  expect(printed.every((content) => typeof content === 'string')).toBe(true);
  expect(printed.find((content) => content !== '')).toMatch(/^Demo, no AI\./);
});

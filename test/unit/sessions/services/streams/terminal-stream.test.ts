import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { TerminalClient } from '../../../../../src/sandboxes/client/client.ts';
import { TerminalInputWriter } from '../../../../../src/sessions/services/streams/terminal-stream.ts';
import { fakeSandbox } from '../../../../support/sandboxes/fake-sandbox.ts';

/** A terminal that records its input, and the way by which it arrived. */
function terminal(parts: Partial<TerminalClient>) {
  const got: string[] = [];
  const leave = new AbortController();
  const client: TerminalClient = {
    ...fakeSandbox().terminals,
    write: async (_id, text) => void got.push(`request ${text}`),
    resize: async (_id, { cols }) => void got.push(`size ${cols}`),
    ...parts,
  };
  return { got, leave, input: new TerminalInputWriter(client, 't', leave.signal) };
}
function stream(got: () => string[]) {
  return new PassThrough().on('data', (bytes: Buffer) => got().push(`stream ${bytes}`));
}

test('what is typed before the stream is open goes by a request, and the rest follows on the stream', async () => {
  const opened = Promise.withResolvers<PassThrough>();
  const { got, input } = terminal({ keyboard: () => opened.promise });
  input.write('a');
  await turn();
  opened.resolve(stream(() => got));
  await turn();
  input.write('b');
  input.resize({ cols: 90, rows: 20 });
  input.write('c');
  await turn();
  expect(got).toEqual(['request a', 'stream b', 'size 90', 'stream c']);
});

test('a daemon without the stream gets requests', async () => {
  const { got, input } = terminal({ keyboard: async () => undefined });
  await turn();
  input.write('a');
  await turn();
  input.write('b');
  await turn();
  expect(got).toEqual(['request a', 'request b']);
});

test('the stream ends with the connection', async () => {
  const keyboard = new PassThrough();
  const { leave } = terminal({ keyboard: async () => keyboard });
  await turn();
  leave.abort();
  expect(keyboard.destroyed).toBe(true);
});

test('what comes after 1 MiB that the terminal has not taken is dropped', async () => {
  const stuck = new PassThrough({ highWaterMark: 1 });
  const { input } = terminal({ keyboard: async () => stuck });
  await turn();
  for (let n = 0; n < 20; n++) {
    input.write('x'.repeat(100_000));
    await turn();
  }
  expect(stuck.writableLength).toBeLessThan(1_200_000);
});

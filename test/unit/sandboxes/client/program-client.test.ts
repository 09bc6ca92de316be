import { expect, test } from 'vitest';
import { toPipeFrames } from '../../../../src/core/text/pipe-frames.ts';
import { facing } from '../../../support/facing.ts';

const soon = () => AbortSignal.timeout(60_000);
const upgraded = 'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: corral-stream\r\n\r\n';

/** A program's pipes, from a sandbox that sends these bytes after the upgrade. */
async function attached(bytes: Buffer) {
  const client = await facing((socket) => {
    socket.once('data', () => socket.end(Buffer.concat([Buffer.from(upgraded), bytes])));
  });
  const output: string[] = [];
  const reader = { onOutput: (chunk: Buffer) => void output.push(chunk.toString()), onErrors: () => {} };
  const pipes = await client.programs.attach('p', reader, soon());
  return { client, pipes, output };
}
const end = (text: string) => toPipeFrames('end', Buffer.from(text));

test('output and the end of a program are handed over in order', async () => {
  const { pipes, output, client } = await attached(
    Buffer.concat([toPipeFrames('output', Buffer.from('a')), end('{"exitCode":3}')]),
  );
  expect([await pipes.ended, output, client.trust.broken.aborted]).toEqual([{ exitCode: 3 }, ['a'], false]);
});

test.each([
  ['an unknown channel', Buffer.from([7, 0, 0, 0, 0])],
  ['a frame that is too long', Buffer.from([1, 255, 255, 255, 255])],
  ['a frame of the input', toPipeFrames('input', Buffer.from('x'))],
  ['an end that is no JSON', end('{')],
  ['an end of another shape', end('{"exitCode":"none"}')],
  ['an end that is too long', end(`{"exitCode":1,"x":"${'x'.repeat(2_000)}"}`)],
])('%s ends the trust in the sandbox', async (_, bytes) => {
  const { pipes, client } = await attached(bytes);
  await expect(pipes.ended).rejects.toMatchObject({ code: 'sandbox_untrusted' });
  expect(client.trust.broken.aborted).toBe(true);
  await expect(pipes.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'sandbox_lost' });
});

test('a connection that breaks off is a lost sandbox, and nothing more', async () => {
  const { pipes, client } = await attached(toPipeFrames('output', Buffer.from('half')).subarray(0, 6));
  await expect(pipes.ended).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(client.trust.broken.aborted).toBe(false);
});

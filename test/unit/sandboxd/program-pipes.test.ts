import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { toPipedProgram } from '../../../sandbox-images/sandboxd/processes/program-pipes.ts';
import { createPipeFrameReader } from '../../../src/core/text/pipe-frames.ts';

function program() {
  const pipes = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const child = Object.assign(new EventEmitter(), pipes, { pid: undefined });
  return { child, ...toPipedProgram(child as unknown as ChildProcessWithoutNullStreams, () => {}) };
}
async function read(stream: AsyncIterable<Buffer>) {
  const frames = createPipeFrameReader();
  const reply = { output: 0, ends: 0 };
  for await (const chunk of stream) {
    for (const { channel, payload } of frames.push(chunk)) {
      if (channel === 'output') reply.output += payload.length;
      if (channel === 'end') reply.ends++;
    }
  }
  return reply;
}

test('two pipes that close at the same moment give one end', async () => {
  const { child, attach } = program();
  const reader = attach();
  child.emit('exit', 0, null);
  child.stdout.destroy();
  child.stderr.destroy();
  expect(await read(reader)).toEqual({ output: 0, ends: 1 });
});

test('a reader that stands still after the end of the program loses nothing', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { child, attach } = program();
  const reader = attach();
  child.stdout.end(Buffer.alloc(400_000));
  child.stderr.end();
  child.emit('exit', 0, null);
  await vi.advanceTimersByTimeAsync(1_200); // more than the time in which a pipe without a reader is abandoned
  expect(await read(reader)).toEqual({ output: 400_000, ends: 1 });
});

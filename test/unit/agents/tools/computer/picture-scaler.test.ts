import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { PictureScaler } from '../../../../../src/agents/tools/computer/picture-scaler.ts';
import { encodeRasterPng } from '../../../../../src/agents/tools/computer/png.ts';
import { readPng } from '../../../../support/png.ts';

const fourK = { width: 3840, height: 2160 };
const size = { width: 1280, height: 720 };
const png = encodeRasterPng({
  ...fourK,
  rgba: Buffer.alloc(fourK.width * fourK.height * 4, Buffer.from([7, 7, 7, 255])),
});
const job = { picture: png, region: { x: 0, y: 0, ...fourK }, size };
const small = {
  picture: encodeRasterPng({ width: 2, height: 1, rgba: Buffer.from([0, 0, 0, 255, 100, 100, 100, 255]) }),
  region: { x: 0, y: 0, width: 2, height: 1 },
  size: { width: 1, height: 1 },
};
const never = () => new AbortController().signal;
const threadFile = new URL('../../../../../src/agents/tools/computer/scale-worker.ts', import.meta.url);

test('the event loop continues while a 4K picture is scaled', { tags: ['all'] }, async () => {
  await using scaler = new PictureScaler();
  await scaler.scale(small, never()); // the thread has started
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const scaled = await scaler.scale(job, never());
  clearInterval(timer);
  expect(turns).toBeGreaterThan(10);
  const picture = readPng(scaled);
  expect(picture).toMatchObject(size);
  expect(picture.at(0, 0)).toEqual([7, 7, 7]);
});

test.each([
  ['no picture', Buffer.from('no picture')],
  ['a picture that was cut off', png.subarray(0, 100)],
])('%s is refused, and the next picture is scaled', async (_name, broken) => {
  await using scaler = new PictureScaler();
  await expect(scaler.scale({ ...job, picture: broken }, never())).rejects.toMatchObject({ code: 'unsupported' });
  expect(readPng(await scaler.scale(small, never()))).toMatchObject(small.size);
});

test('a thread that dies is replaced, and its picture is scaled', async () => {
  const threads: Worker[] = [];
  const start = () => {
    const thread = new Worker(threadFile, { env: {}, execArgv: [] });
    threads.push(thread);
    return thread;
  };
  await using scaler = new PictureScaler({ start });
  await scaler.scale(small, never());
  const scaling = scaler.scale(job, never());
  await new Promise(setImmediate);
  await threads[0]?.terminate();
  expect(readPng(await scaling)).toMatchObject(size);
  expect(threads).toHaveLength(2);
});

test('a picture at which every thread dies is refused', async () => {
  const start = () => new Worker('process.exit(1)', { eval: true, execArgv: [] });
  await using scaler = new PictureScaler({ start });
  await expect(scaler.scale(small, never())).rejects.toMatchObject({ code: 'unsupported' });
});

test('the scaler queues a limited number of pictures, and accepts more when one is done', async () => {
  await using scaler = new PictureScaler({ maxPending: 1 });
  const first = scaler.scale(small, never());
  await expect(scaler.scale(small, never())).rejects.toMatchObject({ code: 'queue_full' });
  await first;
  expect(readPng(await scaler.scale(small, never()))).toMatchObject(small.size);
});

test('a cancelled caller does not wait, and other callers are served', async () => {
  await using scaler = new PictureScaler();
  const stop = new AbortController();
  const scaling = scaler.scale(job, stop.signal);
  stop.abort();
  await expect(scaling).rejects.toMatchObject({ code: 'cancelled' });
  expect(readPng(await scaler.scale(small, never()))).toMatchObject(small.size);
});

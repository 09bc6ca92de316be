import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { acceptUpgrade } from '../../../sandbox-images/sandboxd/server/http-upgrade.ts';

/** One end of a line: keeps what arrives, and accepts more only when the test calls `take`. */
function end() {
  let take: (() => void) | undefined;
  const arrived: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      arrived.push(chunk);
      take = done;
    },
  });
  return { stream, arrived, take: () => take?.() };
}
const tick = () => new Promise((resolve) => setImmediate(resolve));
const chunk = Buffer.alloc(64 * 1024);

test('at most a megabyte waits for a viewer that does not read, and reading pauses in the meantime', async () => {
  const [viewer, screen] = [end(), end()];
  acceptUpgrade(viewer.stream, screen.stream, () => {});
  viewer.take(); // the answer's head
  for (let n = 0; n < 40; n++) screen.stream.push(chunk);
  await tick();
  expect(viewer.stream.writableLength).toBe(1024 * 1024);
  expect(screen.stream.isPaused()).toBe(true);
  viewer.take();
  await tick();
  expect(viewer.stream.writableLength).toBe(1024 * 1024); // the next chunk replaced the one that was taken
});

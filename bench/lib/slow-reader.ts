import { setTimeout as pause } from 'node:timers/promises';
import { openSse } from './exchange.ts';

const everyMs = 1_000;
const bytesEach = 1_024;

/** An SSE client that reads 1 KiB a second, and connects again when the server cuts it off. */
export async function slowReader(url: string): Promise<Disposable> {
  let isOver = false;
  let socket = await openSse(url);
  socket.pause();
  const read = async () => {
    while (!isOver) {
      await pause(everyMs, undefined, { ref: false });
      if (socket.destroyed && !isOver) socket = (await openSse(url).catch(() => socket)).pause();
      socket.read(bytesEach);
    }
  };
  void read();
  return {
    [Symbol.dispose]() {
      isOver = true;
      socket.destroy();
    },
  };
}

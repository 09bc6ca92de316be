import type { RawData } from 'ws';
import type { Connection } from './ws-connection.ts';

/** With more frames or bytes waiting, reading from the network stops until half of them are done. */
const maxWaiting = 64;
const maxWaitingBytes = 16 * 1024 * 1024;

/** Handles frames one after the other. Stops at the first failure, because later frames may depend on the failed one. */
export function handleInOrder(
  connection: Connection,
  fail: (thrown: unknown) => void,
  take: (bytes: Buffer, isBinary: boolean) => void | Promise<void>,
): void {
  let waiting = 0;
  let waitingBytes = 0;
  let last: Promise<void> = Promise.resolve();
  const done = (size: number) => {
    waiting--;
    waitingBytes -= size;
    const hasRoom = waiting <= maxWaiting / 2 && waitingBytes <= maxWaitingBytes / 2;
    if (connection.isPaused && hasRoom) connection.resume();
  };
  connection.on('message', (data: RawData, isBinary) => {
    const bytes = data as Buffer;
    const { length } = bytes;
    waitingBytes += length;
    if (++waiting >= maxWaiting || waitingBytes > maxWaitingBytes) connection.pause();
    last = last
      .then(() => (connection.leaving.aborted ? undefined : take(bytes, isBinary)))
      .catch(fail)
      .then(() => done(length));
  });
}

import type { RawData } from 'ws';
import type { Connection } from './ws-connection.ts';

/** Beyond so many frames that wait, nothing more is read from the network until half of them are done. */
const maxWaiting = 64;

/** Gives frames one after the other. The first failure ends it: what came later may have relied on it. */
export function takeInTurn(
  connection: Connection,
  fail: (thrown: unknown) => void,
  take: (bytes: Buffer, isBinary: boolean) => void | Promise<void>,
): void {
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  const done = () => {
    waiting--;
    if (connection.isPaused && waiting <= maxWaiting / 2) connection.resume();
  };
  connection.on('message', (data: RawData, isBinary) => {
    if (++waiting >= maxWaiting) connection.pause();
    last = last
      .then(() => (connection.leaving.aborted ? undefined : take(data as Buffer, isBinary)))
      .catch(fail)
      .then(done);
  });
}

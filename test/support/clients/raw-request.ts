import { connect } from 'node:net';

/**
 * Sends bytes unchanged. Resolves with the bytes that came back until the server closed, or until `enough` returns true.
 */
export function rawRequest(
  port: number,
  bytes: string,
  enough: (got: string) => boolean = () => false,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let got = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('data', (chunk) => {
    got += chunk.toString('latin1');
    if (enough(got)) socket.destroy();
  });
  socket.on('error', () => {}); // a reset after the answer; `close` follows
  socket.on('close', () => resolve(got));
  return promise;
}

import { rename, stat, unlink } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';

export interface ListenOptions {
  readonly path: string;
  /** A free name in the same folder, no longer than the path's own. */
  readonly temporaryName: string;
  readonly maxConnections: number;
  /** The receiver ends the connection itself, also when the far side has ended its half. */
  readonly allowHalfOpen: boolean;
}

/**
 * Listens on a Unix socket that anyone who can reach its folder may dial. It takes the place of whatever had
 * that name in one step: libuv unlinks the name a socket was bound to when it closes, and with the name itself
 * a predecessor that closes late would take its successor's socket away.
 */
export async function listenUnix(options: ListenOptions, serve: (socket: Socket) => void): Promise<AsyncDisposable> {
  const { path, temporaryName, maxConnections, allowHalfOpen } = options;
  const temporary = join(dirname(path), temporaryName);
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
    serve(socket);
  });
  server.maxConnections = maxConnections;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ path: temporary, readableAll: true, writableAll: true }, resolve);
  await promise;
  server.off('error', reject).on('error', () => {}); // such as EMFILE on accept: the next one may work again
  const own = await stat(temporary);
  await rename(temporary, path);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done));
      for (const socket of open) socket.destroy();
      await closed;
      const present = await stat(path).catch(() => undefined);
      if (present?.ino === own.ino && present.mtimeMs === own.mtimeMs) await unlink(path).catch(() => {}); // else a successor listens there
    },
  };
}

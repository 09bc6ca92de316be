import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';

export interface SocketListenOptions {
  readonly path: string;
  /** An unused name in the same folder, at most as long as the path's own name. */
  readonly temporaryName: string;
  readonly maxConnections: number;
  /** If true, `serve` must close connections that the peer has ended. */
  readonly allowHalfOpen: boolean;
}

export interface SocketListener extends AsyncDisposable {
  isOurs(): Promise<boolean>;
}

/**
 * Binds a temporary name, because libuv unlinks the bound name on close and could remove a successor's socket. Anyone
 * with access to the folder can dial.
 */
export async function listenOnUnixSocket(
  options: SocketListenOptions,
  serve: (socket: Socket) => void,
): Promise<SocketListener> {
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
  server.off('error', reject).on('error', () => {}); // ignores errors such as EMFILE on accept: a later connection may succeed
  const own = await stat(temporary);
  await rename(temporary, path);
  const isOurs = async () => {
    const present = await stat(path).catch(() => undefined);
    return present?.ino === own.ino && present.mtimeMs === own.mtimeMs;
  };
  return {
    isOurs,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done));
      for (const socket of open) socket.destroy();
      await closed;
      if (await isOurs()) await unlink(path).catch(() => {});
    },
  };
}

/** Removes control sockets of dead servers, which the daemon would dial forever. */
export async function removeStaleSockets(folder: string): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('control.'));
  await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      if (await isRefused(path)) await unlink(path).catch(() => {});
    }),
  );
}

/** True if nothing listens on the socket. A paused or busy server still listens. */
async function isRefused(path: string): Promise<boolean> {
  const socket = connect(path);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(false));
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  return await promise.finally(() => socket.destroy());
}

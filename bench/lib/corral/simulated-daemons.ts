import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { type MemoryDaemon, memoryDaemon } from '../../../test/support/memory-driver/daemon.ts';

export interface SimulatedDaemons extends AsyncDisposable {
  readonly port: number;
}

/**
 * One port for the daemons of all simulated pods. The token in a connection's first request selects an in-memory
 * daemon.
 */
export async function startSimulatedDaemons(): Promise<SimulatedDaemons> {
  const daemons = new Map<string, MemoryDaemon>();
  const sockets = new Set<Socket>();
  const daemonOf = (token: string): MemoryDaemon => {
    const daemon = daemons.get(token) ?? memoryDaemon({ clock: systemClock, token, workdir: '/workspace' });
    daemons.set(token, daemon);
    return daemon;
  };
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (first: Buffer) => {
      const token = /\r\nauthorization: Bearer (\S+)\r\n/i.exec(first.toString('latin1'))?.[1];
      if (token === undefined) return void socket.destroy();
      socket.pause();
      socket.unshift(first);
      const near = daemonOf(token).connect();
      near.on('error', () => {});
      near.on('close', () => socket.destroy());
      socket.on('close', () => near.destroy());
      socket.pipe(near);
      near.pipe(socket);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const daemon of daemons.values()) daemon.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

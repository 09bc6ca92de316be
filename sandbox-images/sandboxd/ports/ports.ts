import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { badRequest } from '../server/body-fields.ts';
import { findListeningPorts } from './listening.ts';

export type Ports = Pick<Daemon, 'openPort' | 'listeningPorts'>;

const hosts = ['127.0.0.1', '::1'] as const;

export function createPorts(own: readonly number[]): Ports {
  let open = 0;
  return {
    listeningPorts: () => findListeningPorts(own),
    async openPort(port): Promise<Duplex> {
      if (!Number.isInteger(port) || port < 1 || port > 65_535) throw badRequest('port must be from 1 to 65535.');
      if (own.includes(port)) throw badRequest(`Port ${port} is reserved by Corral and cannot be opened.`);
      if (open >= daemonLimits.portStreams) {
        throw new AppError(
          'conflict',
          `There are already ${daemonLimits.portStreams} connections to ports, the maximum.`,
        );
      }
      open++;
      const socket = await connected(port).catch((thrown: unknown) => {
        open--;
        throw thrown;
      });
      socket.once('close', () => open--);
      return socket;
    },
  };
}

async function connected(port: number): Promise<Duplex> {
  for (const host of hosts) {
    const socket = connect({ port, host, noDelay: true, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
      return socket.on('error', () => {}); // `close` follows and handles it
    } catch {
      socket.destroy();
    }
  }
  throw new AppError('not_found', `Nothing listens on port ${port} in the sandbox.`);
}

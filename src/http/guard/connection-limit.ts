import type { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { toNetworkKey } from '../../core/text/address.ts';
import type { HttpLogger } from '../routes/observe.ts';
import type { ClientResolver } from './clients.ts';

interface Options {
  readonly perAddress: number;
  readonly clock: Clock;
  readonly logger: Pick<HttpLogger, 'warn'>;
  readonly clients: ClientResolver;
}
const elsewhere = 'connection on another port';
/** Time, in ms, for a connection beyond the limit to send a request and be refused. */
const overLimitMs = 2_000;
const quietMs = 60_000;

/**
 * Limits open connections per address; behind a trusted proxy, open requests per client. Register before any hook that
 * can refuse a request.
 */
export function limitConnections(app: FastifyInstance, { perAddress, clock, logger, clients }: Options): void {
  const open = new Map<string, number>();
  const tooMany = new WeakSet<Socket>();
  let quietUntil = 0;

  const isOver = (address: string, counted: EventEmitter): boolean => {
    const network = toNetworkKey(address);
    const count = (open.get(network) ?? 0) + 1;
    open.set(network, count);
    counted.once('close', () => {
      const left = (open.get(network) ?? 1) - 1;
      if (left > 0) open.set(network, left);
      else open.delete(network);
    });
    if (count <= perAddress) return false;
    const now = clock.now();
    if (now < quietUntil) return true;
    quietUntil = now + quietMs;
    logger.warn({ address, limit: perAddress }, 'connections refused: an address has reached its limit');
    return true;
  };
  const admit = (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || clients.isProxy(address)) return;
    if (!isOver(address, socket)) return;
    tooMany.add(socket);
    const timer = clock.setTimeout(() => socket.destroy(), overLimitMs);
    socket.once('close', () => clock.clearTimeout(timer));
  };
  app.server.on('connection', admit).on(elsewhere, admit);
  app.addHook('onRequest', ({ raw, client: { address, isForwarded } }, reply, done) => {
    const isRefused = isForwarded ? isOver(address, reply.raw) : tooMany.has(raw.socket);
    if (!isRefused) return done();
    reply.header('connection', 'close');
    const message = `More than ${perAddress} connections are open from this address. Close some of them, or use fewer.`;
    throw new AppError('rate_limited', message, { retryAfterMs: 1_000 });
  });
}

export function includeInConnectionLimit(server: Server, more: Server): void {
  more.on('connection', (socket) => server.emit(elsewhere, socket));
}

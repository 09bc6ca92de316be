import { Agent, type ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { IdleConnections } from './idle-connections.ts';
import { YieldingConnection } from './yielding-connection.ts';

/** Never dials: each request borrows a connection that the daemon opened, or waits for one. */
export class DaemonHttpAgent extends Agent {
  readonly #connections: IdleConnections;
  readonly #asStream: (connection: Duplex) => void;
  readonly #used = new Set<Duplex>();
  readonly #waiting = new Set<ClientRequest>();
  #closed = false;

  constructor(connections: IdleConnections, asStream: (connection: Duplex) => void = () => {}) {
    super({ keepAlive: true }); // otherwise requests would send `connection: close`
    this.#connections = connections;
    this.#asStream = asStream;
  }

  /** Node calls this method for every request. The base class's version would dial. */
  addRequest(request: ClientRequest): void {
    if (this.#closed) {
      fail(request, closed());
      return;
    }
    this.#waiting.add(request);
    const stop = this.#connections.take({
      isLight: request.method === 'GET' && request.path === '/health',
      give: (connection) => {
        this.#settled(request);
        this.#lend(connection, request);
      },
      fail: (error) => {
        this.#settled(request);
        fail(request, error);
      },
    });
    if (!this.#waiting.has(request)) return;
    // Without a socket, Node reports an abort only in `onSocket`.
    request.destroy = (error) => {
      stop();
      this.#settled(request);
      fail(request, error);
      return request;
    };
  }

  #settled(request: ClientRequest): void {
    this.#waiting.delete(request);
    Reflect.deleteProperty(request, 'destroy');
  }

  #lend(connection: Duplex, request: ClientRequest): void {
    const lent = new YieldingConnection(connection);
    this.#used.add(lent);
    const over = () => {
      this.#used.delete(lent);
      lent.off('free', free).off('agentRemove', taken).off('close', over);
    };
    const free = () => {
      over();
      const clean = lent.release();
      if (clean) this.#connections.add(clean);
    };
    const taken = () => {
      lent.whole();
      over();
      this.#connections.giveUp(connection);
      this.#asStream(connection);
    };
    lent
      .on('error', () => {})
      .on('free', free)
      .on('agentRemove', taken)
      .on('close', over);
    request.onSocket(lent as unknown as Socket);
  }

  override destroy(): void {
    this.#closed = true;
    for (const request of this.#waiting) request.destroy(closed());
    for (const connection of this.#used) connection.destroy();
    super.destroy();
  }
}

const closed = () => new AppError('cancelled', 'The link to the sandbox was closed.');

function fail(request: ClientRequest, error: Error | undefined): void {
  request.destroy(error);
  request.onSocket(null as unknown as Socket);
}

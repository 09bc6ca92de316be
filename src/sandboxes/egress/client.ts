import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/contracts/clock.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { EgressRefusal } from './refusal.ts';
import type { EgressLimits, SessionEgressState } from './session-state.ts';
import type { EgressTarget } from './target.ts';

export interface EgressClientContext {
  readonly clock: Clock;
  readonly limits: EgressLimits;
  readonly session: SessionEgressState;
  readonly sessionId: SessionId;
}

/** About three times the number of requests that apt sends in one pipeline. */
const maxPipelined = 32;
/** Maximum time for the other side to hang up after the last response. */
const farewellMs = 1_000;
/** Maximum time for a server to accept the remaining upload of a disconnected sender. */
const flushMs = 30_000;

export class EgressClient {
  readonly socket: Duplex;
  readonly sessionId: SessionId;
  readonly gone: AbortSignal;
  /** Plain HTTP inside a tunnel can reach only the tunnel's target. Undefined outside a tunnel. */
  pinned: EgressTarget | undefined;
  address: string | undefined;
  readonly #context: EgressClientContext;
  #target: EgressTarget | undefined;
  #lastActive: number;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #idle: unknown;
  #hello: unknown;

  constructor(socket: Duplex, context: EgressClientContext) {
    const gone = new AbortController();
    this.socket = socket;
    this.sessionId = context.sessionId;
    this.gone = gone.signal;
    this.#context = context;
    this.#lastActive = context.clock.now();
    this.#watchIdle(context.limits.idleMs);
    context.session.connections.add(socket);
    socket.allowHalfOpen = true;
    socket.once('close', () => {
      context.session.connections.delete(socket);
      context.clock.clearTimeout(this.#idle);
      this.helloDone();
      gone.abort();
    });
  }

  count(bytes: number): void {
    this.active();
    if (this.#context.session.count(bytes)) return;
    if (this.#target) this.tell(this.#target, 'refused', 'volume');
    this.socket.destroy();
  }

  get target(): EgressTarget | undefined {
    return this.#target;
  }

  get changes(): number {
    return this.#context.session.changes;
  }

  get overVolume(): boolean {
    return !this.#context.session.count(0);
  }

  /** Closes `upstream` when this connection closes. If already ended, `upstream` gets 30 s to send pending data. */
  owns(upstream: Duplex): void {
    const release = () => {
      if (!upstream.writableEnded) upstream.destroy();
      else this.#destroyAfter(upstream, flushMs);
    };
    if (this.gone.aborted) {
      release();
      return;
    }
    this.gone.addEventListener('abort', release, { once: true });
    upstream.once('close', () => this.gone.removeEventListener('abort', release));
  }

  /** Runs one `work` at a time, so that pipelined requests use at most one upstream connection. */
  async inOrder(work: () => Promise<void>): Promise<void> {
    if (this.#waiting >= maxPipelined) return void this.socket.destroy();
    this.#waiting += 1;
    const turn = this.#turn.then(() => (this.gone.aborted ? undefined : work()));
    this.#turn = turn.catch(() => {});
    await turn.finally(() => {
      this.#waiting -= 1;
    });
  }

  active(): void {
    this.#lastActive = this.#context.clock.now();
  }

  tell(target: EgressTarget, decision: 'allowed' | 'refused', rule: string): void {
    this.#target = target;
    this.#context.session.tell({ host: target.host, port: target.port, decision, rule });
  }

  helloBegins(): void {
    this.helloDone();
    this.#hello = this.#context.clock.setTimeout(() => this.socket.destroy(), this.#context.limits.helloMs);
  }

  helloDone(): void {
    this.#context.clock.clearTimeout(this.#hello);
  }

  farewell(last: EgressRefusal | Uint8Array): void {
    this.helloDone();
    this.socket.end(last instanceof Uint8Array ? last : last.asHttp());
    this.socket.resume();
    this.#destroyAfter(this.socket, farewellMs);
  }

  #destroyAfter(stream: Duplex, ms: number): void {
    if (stream.closed) return;
    const timer = this.#context.clock.setTimeout(() => stream.destroy(), ms);
    stream.once('close', () => this.#context.clock.clearTimeout(timer));
  }

  #watchIdle(ms: number): void {
    const { clock, limits } = this.#context;
    this.#idle = clock.setTimeout(() => {
      const left = this.#lastActive + limits.idleMs - clock.now();
      if (left <= 0) this.socket.destroy();
      else this.#watchIdle(left);
    }, ms);
  }
}

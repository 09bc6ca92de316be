import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/contracts/clock.ts';
import type { SessionId } from '../../core/model/ids.ts';

export interface EgressDecision {
  readonly host: string;
  readonly port: number;
  readonly decision: 'allowed' | 'refused';
  readonly rule: string;
}
export type EgressDecisionListener = (sessionId: SessionId, decision: EgressDecision) => void;

/** Chromium contacts these hosts even if its settings forbid it. */
const browsersOwn: ReadonlySet<string> = new Set([
  ...['update.googleapis.com', 'clients2.google.com', 'optimizationguide-pa.googleapis.com'],
  ...['android.clients.google.com', 'mtalk.google.com', 'content-autofill.googleapis.com'],
]);

const isBrowserBackgroundRefusal = ({ host, decision }: EgressDecision): boolean =>
  decision === 'refused' && browsersOwn.has(host);

const windowMs = 60_000;
/** Maximum number of distinct decisions reported individually per minute. One line summarizes the others. */
const maxPerWindow = 120;

class EgressDecisionDeduplicator {
  readonly #reported = new Map<string, number>(); // in insertion order, so the oldest come first

  isNews({ host, port, decision, rule }: EgressDecision, now: number): 'news' | 'repeat' | 'flood' | 'flood goes on' {
    for (const [key, at] of this.#reported) {
      if (now - at < windowMs) break;
      this.#reported.delete(key);
    }
    // The use of a credential is reported in addition to the connection's own decision.
    const use = rule.startsWith('credential') ? ` ${rule}` : '';
    const key = `${decision} ${host} ${port}${use}`;
    if (this.#reported.has(key)) return 'repeat';
    if (this.#reported.size > maxPerWindow) return 'flood goes on';
    const flood = this.#reported.size === maxPerWindow;
    this.#reported.set(flood ? 'flood' : key, now);
    return flood ? 'flood' : 'news';
  }
}

const floodDecision: EgressDecision = {
  host: '*',
  port: 0,
  decision: 'refused',
  rule: `more than ${maxPerWindow} different targets within a minute; the others are not listed`,
};

export interface EgressLimits {
  readonly connections: number;
  readonly bytesPerHour: number;
  readonly idleMs: number;
  readonly connectMs: number;
  /** Maximum time until a request's head, a SOCKS greeting or a TLS hello is complete. */
  readonly helloMs: number;
}
export const defaultEgressLimits: EgressLimits = {
  connections: 64,
  bytesPerHour: 2 ** 30,
  idleMs: 10 * 60_000,
  connectMs: 10_000,
  helloMs: 10_000,
};

const hourMs = 3_600_000;

/** Dropped after an hour without use. */
export class SessionEgressState {
  readonly connections = new Set<Duplex>();
  /** Number of rule changes. A connection that opens during one is checked again. */
  changes = 0;
  readonly #reported = new EgressDecisionDeduplicator();
  readonly #context: { clock: Clock; limits: EgressLimits; sessionId: SessionId; onDecision: EgressDecisionListener };
  #hourBegan: number;
  #bytes = 0;
  #lastUsed: number;

  constructor(context: {
    clock: Clock;
    limits: EgressLimits;
    sessionId: SessionId;
    onDecision: EgressDecisionListener;
  }) {
    this.#context = context;
    this.#hourBegan = this.#lastUsed = context.clock.now();
  }

  count(bytes: number): boolean {
    const now = this.#context.clock.now();
    this.#lastUsed = now;
    if (now - this.#hourBegan >= hourMs) {
      this.#hourBegan = now;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    return this.#bytes <= this.#context.limits.bytesPerHour;
  }

  tell(decision: EgressDecision): void {
    const { clock, onDecision, sessionId } = this.#context;
    if (isBrowserBackgroundRefusal(decision)) return;
    const news = this.#reported.isNews(decision, clock.now());
    if (news === 'news') onDecision(sessionId, decision);
    if (news === 'flood') onDecision(sessionId, floodDecision);
  }

  get forgettable(): boolean {
    return this.connections.size === 0 && this.#context.clock.now() - this.#lastUsed >= hourMs;
  }
}

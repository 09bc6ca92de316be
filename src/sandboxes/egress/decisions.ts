import type { SessionId } from '../../core/model/ids.ts';

export interface EgressDecision {
  readonly host: string;
  readonly port: number;
  readonly decision: 'allowed' | 'refused';
  readonly rule: string;
}
export type EgressDecisionListener = (sessionId: SessionId, decision: EgressDecision) => void;

/**
 * Chromium requests these hosts for updates, the time and hints, even if its settings forbid that. Programs in a sandbox do not
 * need them.
 */
const browsersOwn: ReadonlySet<string> = new Set([
  ...['update.googleapis.com', 'clients2.google.com', 'optimizationguide-pa.googleapis.com'],
  ...['android.clients.google.com', 'mtalk.google.com', 'content-autofill.googleapis.com'],
]);

export const isBrowserBackgroundRefusal = ({ host, decision }: EgressDecision): boolean =>
  decision === 'refused' && browsersOwn.has(host);

const windowMs = 60_000;
/** Maximum number of different decisions per minute that are reported individually. One line summarizes the others. */
const maxPerWindow = 120;

export class EgressDecisionDeduplicator {
  readonly #reported = new Map<string, number>(); // in insertion order, so the oldest come first

  isNews({ host, port, decision, rule }: EgressDecision, now: number): 'news' | 'repeat' | 'flood' | 'flood goes on' {
    for (const [key, at] of this.#reported) {
      if (now - at < windowMs) break;
      this.#reported.delete(key);
    }
    // A credential's decisions are reported in addition to the connection's own decision.
    const use = rule.startsWith('credential') ? ` ${rule}` : '';
    const key = `${decision} ${host} ${port}${use}`;
    if (this.#reported.has(key)) return 'repeat';
    if (this.#reported.size > maxPerWindow) return 'flood goes on';
    const flood = this.#reported.size === maxPerWindow;
    this.#reported.set(flood ? 'flood' : key, now);
    return flood ? 'flood' : 'news';
  }
}

export const floodDecision: EgressDecision = {
  host: '*',
  port: 0,
  decision: 'refused',
  rule: `more than ${maxPerWindow} different targets within a minute; the others are not listed`,
};

import type { FactOf } from '../../core/model/events.ts';
import type { DesktopStatus } from '../../sandboxes/client/client.ts';

export type DesktopFact = FactOf<'desktop'>['data'];
const none = { display: 0, browser: 0 };
const maxDetail = 300;

export class DesktopFactTracker {
  #isUp = false;
  #restarts: DesktopStatus['restarts'] = none;

  /** Does not record the status, because another server may have recorded it already. */
  begin(status: DesktopStatus | undefined): void {
    this.#isUp = false;
    this.#restarts = none;
    if (status) this.saw(status);
  }

  saw({ state, width, height, restarts, lastFailure }: DesktopStatus): DesktopFact[] {
    const before = this.#isUp;
    if (state === 'stopped' || state === 'unsupported') {
      this.begin(undefined);
      return before ? [{ kind: 'stopped', detail: 'The desktop was stopped.' }] : [];
    }
    const facts: DesktopFact[] = [];
    if (state === 'running' && !before) {
      this.#isUp = true;
      facts.push({ kind: 'started', detail: `The desktop runs, ${width} × ${height}.` });
    }
    const [display, browser] = [restarts.display - this.#restarts.display, restarts.browser - this.#restarts.browser];
    this.#restarts = restarts;
    if (display <= 0 && browser <= 0) return facts;
    const what = display > 0 ? 'display' : 'browser';
    const detail = lastFailure ?? `The ${what} ended and was restarted.`;
    return [...facts, { kind: 'restarted', detail: detail.slice(0, maxDetail) }];
  }
}

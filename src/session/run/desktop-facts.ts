import type { FactOf } from '../../core/events.ts';
import type { DesktopStatus } from '../../sandbox/client.ts';

export type DesktopFact = FactOf<'desktop'>['data'];
const none = { display: 0, browser: 0 };
const maxDetail = 300;

/** Turns a desktop's status, read any number of times, into facts that are each told once. */
export class DesktopNews {
  #isUp = false;
  #restarts: DesktopStatus['restarts'] = none;

  /** Sets the status from which changes count: another server may have told everything before. */
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
    const detail = lastFailure ?? `The ${what} ended and was started again.`;
    return [...facts, { kind: 'restarted', detail: detail.slice(0, maxDetail) }];
  }
}

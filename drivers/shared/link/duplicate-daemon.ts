import { setTimeout as pause } from 'node:timers/promises';
import { turnOfTheLoop } from '../../../src/core/contracts/clock.ts';

/** Longer than the kernel takes to close a dead daemon's connections, in ms. */
const graceMs = 250;

/**
 * Tells a restarted daemon from a second process with its token. A daemon keeps an idle connection as long as it lives. So
 * if a connection of an earlier boot stays open, another process has presented the token.
 */
export class DuplicateDaemonDetector {
  readonly #hasIdle: () => boolean;
  #boot: string | undefined;

  constructor(hasIdle: () => boolean) {
    this.#hasIdle = hasIdle;
  }

  async isSecond(boot: string): Promise<boolean> {
    if (this.#boot !== undefined && this.#boot !== boot && this.#hasIdle()) {
      await pause(graceMs, undefined, { ref: false });
      // After a long turn of the event loop the timer fires first. Connections that closed meanwhile are reported in the
      // next turns.
      for (let turns = 0; turns < 2; turns++) await turnOfTheLoop();
      if (this.#hasIdle() && this.#boot !== boot) return true;
    }
    this.#boot = boot;
    return false;
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { turnOfTheLoop } from '../../src/core/clock.ts';

/** Longer than the kernel takes to close the connections of a daemon that died. */
const graceMs = 250;

/**
 * Tells a daemon that was restarted from a second one beside it. A daemon keeps an idle connection for as long as it lives,
 * so one of an earlier boot that stays open says that another process presents its token.
 */
export class OneDaemon {
  readonly #hasIdle: () => boolean;
  #boot: string | undefined;

  constructor(hasIdle: () => boolean) {
    this.#hasIdle = hasIdle;
  }

  async isSecond(boot: string): Promise<boolean> {
    if (this.#boot !== undefined && this.#boot !== boot && this.#hasIdle()) {
      await pause(graceMs, undefined, { ref: false });
      // After a long turn of the loop the timer is first, and what closed meanwhile is heard in the turns that follow.
      for (let turns = 0; turns < 2; turns++) await turnOfTheLoop();
      if (this.#hasIdle() && this.#boot !== boot) return true;
    }
    this.#boot = boot;
    return false;
  }
}

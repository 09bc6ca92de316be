import type { Clock } from '../../core/contracts/clock.ts';
import { ServerPart } from '../../core/contracts/server-parts.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxFactChannel } from '../engine/sandbox/sandbox-facts.ts';
import { DesktopViewerHub } from './screen.ts';
import type { SharedDesktopControlFactory } from './shared-control.ts';

interface Options {
  readonly clock: Clock;
  readonly facts: Pick<SandboxFactChannel, 'tell'>;
  readonly settings: { readonly maxViewers: number; readonly controlIdleSeconds: number };
  /** Set if other servers share the store, because their viewers compete for the same lease. */
  readonly shareControl?: SharedDesktopControlFactory | undefined;
}

export class DesktopViewerHubs extends ServerPart<Options> {
  readonly #screens = new Map<SessionId, DesktopViewerHub>();

  get(id: SessionId): DesktopViewerHub | undefined {
    return this.#screens.get(id);
  }

  /** The screen stays in memory until its last holder is disposed. */
  hold(id: SessionId): Disposable & { readonly screen: DesktopViewerHub } {
    const { clock, facts, settings, shareControl } = this.deps;
    const screen =
      this.#screens.get(id) ??
      new DesktopViewerHub({
        id,
        clock,
        shareControl,
        maxViewers: settings.maxViewers,
        controlIdleMs: settings.controlIdleSeconds * 1_000,
        note: (data) => facts.tell(id, { type: 'desktop', data }),
      });
    this.#screens.set(id, screen);
    screen.holders++;
    return {
      screen,
      [Symbol.dispose]: () => {
        if (--screen.holders === 0) this.#screens.delete(id);
      },
    };
  }

  gate = async (id: SessionId, signal: AbortSignal): Promise<void> => {
    using held = this.hold(id);
    const { shared, lease } = held.screen;
    await shared?.look();
    if (lease.driver === undefined) return;
    using _news = shared?.watch();
    await lease.gate(signal);
  };
}

import type { Clock } from '../../core/contracts/clock.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { DesktopViewerOptions } from '../api/desktop.ts';
import type { SandboxFactChannel } from '../engine/sandbox/sandbox-facts.ts';
import type { DesktopFact } from '../run/desktop-facts.ts';
import {
  type DesktopControlChange,
  DesktopControlLease,
  type DesktopControlReturnReason,
  type SharedDesktopControlFactory,
} from './control-lease.ts';

interface Options {
  readonly clock: Clock;
  readonly maxViewers: number;
  readonly controlIdleMs: number;
  readonly note: (fact: DesktopFact) => void;
  readonly id: SessionId;
  readonly shareControl: SharedDesktopControlFactory | undefined;
}
export interface ViewerHandle extends Disposable {
  readonly id: string;
}

const whys: Readonly<Record<DesktopControlReturnReason | 'lapsed', string>> = {
  returned: 'The viewer gave the keyboard and mouse back to the agent.',
  left: 'The viewer left; the keyboard and mouse are the agent’s again.',
  lapsed: 'The server of the viewer stopped; the keyboard and mouse are the agent’s again.',
  idle: 'The viewer was inactive; the keyboard and mouse are the agent’s again.',
};

export class DesktopViewerHub extends ServerComponent<Options> {
  holders = 0;
  readonly #viewers = new Map<string, DesktopViewerOptions>();
  #coming = 0;
  /** Control facts wait for this promise, so that the desktop's start is logged first. */
  #before: Promise<unknown> = Promise.resolve();
  /** True if a user stopped the desktop and it has not been started since. */
  isStopped = false;
  readonly lease = new DesktopControlLease({
    clock: this.deps.clock,
    idleMs: this.deps.controlIdleMs,
    onChange: (news) => this.#tell(news),
  });
  readonly shared = this.deps.shareControl?.({
    id: this.deps.id,
    lease: this.lease,
    onLapsed: () => this.#note({ kind: 'control_returned', detail: whys.lapsed }),
  });

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Counts a viewer that is connecting. Throws: queue_full. */
  admit(): Disposable {
    const { maxViewers } = this.deps;
    if (this.#viewers.size + this.#coming >= maxViewers) {
      throw new AppError('queue_full', `${maxViewers} viewers are already watching this desktop. Close one of them.`);
    }
    this.#coming++;
    return { [Symbol.dispose]: () => void this.#coming-- };
  }

  /** If the name is taken, a viewer with `mayControl` replaces its holder and inherits control; others get `spare`. */
  seat(request: DesktopViewerOptions, spare: string): ViewerHandle {
    const { viewerId = spare } = request;
    const isTaken = this.#viewers.has(viewerId) || this.lease.driver === viewerId;
    const id = isTaken && !request.mayControl ? spare : viewerId;
    this.#viewers.set(id, request);
    // the replaced connection is on another server
    if (request.mayControl && this.lease.isElsewhere && this.lease.driver === id) this.lease.take(id);
    return {
      id,
      [Symbol.dispose]: () => {
        if (this.#viewers.get(id) !== request) return;
        this.#viewers.delete(id);
        this.lease.giveBack(id, 'left');
      },
    };
  }

  /** Throws: not_found, forbidden. */
  take(id: string): void {
    const viewer = this.#viewers.get(id);
    if (!viewer) throw new AppError('not_found', 'No viewer with this name is watching the desktop.');
    if (!viewer.mayControl) throw new AppError('forbidden', 'This viewer can only watch.');
    this.lease.take(id);
  }

  async giveBack(id: string): Promise<void> {
    if (await this.shared?.takeBack(id)) {
      this.#note({ kind: 'control_returned', detail: whys.returned });
    } else this.lease.giveBack(id, 'returned');
  }

  /** Control facts wait for `news`, so that the log shows the desktop's start first. */
  follow(news: Promise<unknown>): void {
    this.#before = Promise.allSettled([this.#before, news]);
  }

  #note(fact: DesktopFact): void {
    void this.#before.then(() => this.deps.note(fact));
  }

  #tell({ kind, why, driver, former, isElsewhere }: DesktopControlChange): void {
    if (!isElsewhere) this.#say(kind, former, why);
    if (!isElsewhere && driver !== undefined) this.shared?.taken(driver, former !== undefined);
    if (!isElsewhere && driver === undefined && former !== undefined) this.shared?.returned(former);
    for (const { onControl } of [...this.#viewers.values()]) onControl(driver);
  }

  #say(
    kind: DesktopControlChange['kind'],
    former: string | undefined,
    why: DesktopControlReturnReason = 'returned',
  ): void {
    const over = former === undefined ? '' : ' from another viewer';
    const taken = `A viewer took the keyboard and mouse${over}; the input of the agent is paused.`;
    if (kind === 'taken') this.#note({ kind: 'control_taken', detail: taken });
    else this.#note({ kind: 'control_returned', detail: whys[why] });
  }
}

interface HubsDeps {
  readonly clock: Clock;
  readonly facts: Pick<SandboxFactChannel, 'tell'>;
  readonly settings: { readonly maxViewers: number; readonly controlIdleSeconds: number };
  /** Set only if other servers share the store. */
  readonly shareControl?: SharedDesktopControlFactory | undefined;
}

export class DesktopHubRegistry extends ServerComponent<HubsDeps> {
  readonly #screens = new Map<SessionId, DesktopViewerHub>();

  get(id: SessionId): DesktopViewerHub | undefined {
    return this.#screens.get(id);
  }

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

import { buildsServerImages, type Driver } from '../../../drivers/driver.ts';
import { createTimeoutSignal, sleep, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { SandboxPhase } from '../../core/model/events.ts';
import type { DesktopAvailability } from '../../sessions/api/desktop.ts';
import { baseImage, desktopImage } from './image.ts';

interface Options extends Pick<ServerDependencies, 'clock'> {
  readonly driver: Driver;
  /** Not called if the image already exists. */
  readonly onPhase: (phase: { phase: SandboxPhase; detail?: string }) => void;
  readonly onTrouble: (error: unknown) => void;
}
const buildMs = 3_600_000;
const againMs = 60_000;
const absentMs = 5_000;

export class DesktopImageBuilder extends ServerComponent<Options> {
  #offer: DesktopAvailability = { state: buildsServerImages(this.deps.driver) ? 'building' : 'none' };
  #since: number | undefined;

  get offer(): DesktopAvailability {
    const seconds = this.#since !== undefined && {
      seconds: Math.round((this.deps.clock.now() - this.#since) / 1_000),
    };
    return this.#offer.state === 'building' ? { ...this.#offer, ...seconds } : this.#offer;
  }

  async build(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#offer.state !== 'ready' && this.#offer.state !== 'none') {
      const trouble = await this.#try(signal).then(
        () => undefined,
        (thrown: unknown) => toAppError(thrown),
      );
      if (signal.aborted || !trouble) return;
      const isFirst = this.#offer.state !== 'failed' || this.#offer.detail !== trouble.publicMessage;
      this.#offer = { state: 'failed', detail: trouble.publicMessage };
      if (this.#since !== undefined) this.deps.onPhase({ phase: 'lost', detail: trouble.publicMessage });
      this.#since = undefined;
      if (isFirst) this.deps.onTrouble(trouble);
      await sleep(trouble.code === 'driver_unavailable' ? absentMs : againMs, signal, this.deps.clock).catch(() => {});
    }
  }

  async #try(signal: AbortSignal): Promise<void> {
    const { driver, clock, onPhase: listener } = this.deps;
    if (!buildsServerImages(driver)) return;
    // The smaller image comes first, because every session waits for it.
    for (const image of [baseImage, desktopImage]) {
      using until = createTimeoutSignal(buildMs, clock, signal);
      await driver.ensureImage(image, until, ({ phase, detail }) => {
        this.#since ??= clock.now();
        this.#offer = { state: 'building', detail };
        listener({ phase, detail });
      });
    }
    throwIfAborted(signal);
    this.#offer = { state: 'ready' };
    if (this.#since !== undefined) listener({ phase: 'ready', detail: 'new sessions have a desktop' });
  }
}

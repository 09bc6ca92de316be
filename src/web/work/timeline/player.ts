import { computed, type Signal, signal } from '@preact/signals';
import type { Event } from '../../../client/types.ts';
import { sessionEventCount, sessionEvents } from '../../data/log.ts';
import { ConversationState } from '../../data/model.ts';
import { advanceReplay, findReplayPosition, isTextDelta, type ReplaySpeed } from './replay.ts';

const tickMs = 50;

export class ReplayPlayer {
  readonly model = new ConversationState();
  /** Number of events shown. Follows the log while `isLive`. */
  readonly shown: Signal<number> = signal(0);
  readonly isLive: Signal<boolean> = signal(true);
  readonly isPlaying: Signal<boolean> = signal(false);
  readonly speed: Signal<ReplaySpeed> = signal(1);
  readonly current = computed<Event | undefined>(() => sessionEvents[this.shown.value - 1]);
  #taken = 0;
  #waitedMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  follow(): void {
    if (sessionEventCount.value < this.#taken) this.#show(0);
    if (this.isLive.value) this.#show(sessionEventCount.value);
  }

  seek(shown: number): void {
    const to = Math.min(Math.max(0, shown), sessionEvents.length);
    this.#waitedMs = 0;
    this.isLive.value = to === sessionEvents.length && !this.isPlaying.value;
    this.#show(to);
  }

  step(by: 1 | -1): void {
    this.pause();
    this.seek(
      findReplayPosition(sessionEvents, this.shown.value, { by, is: (event) => !isTextDelta(event) }) ??
        (by > 0 ? sessionEvents.length : 0),
    );
  }

  toCall(by: 1 | -1): boolean {
    const place = findReplayPosition(sessionEvents, this.shown.value, {
      by,
      is: ({ type }) => type === 'tool.calling',
    });
    this.pause();
    if (place !== undefined) this.seek(place);
    return place !== undefined;
  }

  toEnd(): void {
    this.pause();
    this.seek(sessionEvents.length);
  }

  play(): void {
    this.isPlaying.value = true;
    if (this.shown.value >= sessionEvents.length) this.seek(0);
    this.isLive.value = false;
    let last = performance.now();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      const now = performance.now();
      const from = { shown: this.shown.value, waitedMs: this.#waitedMs };
      const next = advanceReplay(sessionEvents, from, now - last, this.speed.value);
      last = now;
      this.#waitedMs = next.waitedMs;
      this.#show(next.shown);
      if (next.shown >= sessionEvents.length) this.pause();
    }, tickMs);
  }

  pause(): void {
    clearInterval(this.#timer);
    this.isPlaying.value = false;
  }

  #show(to: number): void {
    if (to < this.#taken) {
      this.model.clear();
      this.#taken = 0;
    }
    if (to > this.#taken) this.model.take(sessionEvents.slice(this.#taken, to));
    this.#taken = to;
    this.shown.value = to;
  }
}

import type { LogUpdate } from '../../../src/core/contracts/ports.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import type { Server } from './server.ts';
import type { World } from './world.ts';

/** A subscriber that disconnects and returns with its cursor; it must get every event once and in order. */
export class Follower {
  readonly id: SessionId;
  cursor: number;
  #isAhead: boolean;
  #isOver = false;
  #hungUp = new AbortController();
  readonly #world: World;
  readonly #server: () => Server;

  constructor(world: World, server: () => Server, from: { id: SessionId; after: number; isAhead: boolean }) {
    this.#world = world;
    this.#server = server;
    this.id = from.id;
    this.cursor = from.after;
    this.#isAhead = from.isAhead;
    void this.#run();
  }

  /** Disconnects the subscriber, which returns a little later. */
  hangUp(): void {
    this.#hungUp.abort();
  }
  end(): void {
    this.#isOver = true;
    this.#hungUp.abort();
  }

  async #run(): Promise<void> {
    const { time, dice } = this.#world;
    while (!this.#isOver) {
      const server = this.#server();
      if (server.life.isAlive) await this.#read(server).catch(() => {}); // the service refused: try again
      await time.sleep(dice.between(10, 300));
      this.#hungUp = new AbortController();
    }
  }

  async #read({ sessions, life }: Server): Promise<void> {
    const items = sessions.follow(this.id, this.cursor, { signal: this.#hungUp.signal, deltas: true });
    const reading = items[Symbol.asyncIterator]();
    const dead = life.died.then(() => ({ done: true as const, value: undefined }));
    for (;;) {
      const next = await Promise.race([reading.next(), dead]);
      if (next.done || !life.isAlive) return;
      this.#take(next.value);
    }
  }

  #take(item: LogUpdate): void {
    if (item.kind === 'resync') {
      if (!this.#isAhead) this.#world.problem(`a follower of ${this.id} at ${this.cursor} received ${item.reason}`);
      this.cursor = item.head;
    } else {
      for (const { seq } of item.events) {
        if (seq !== this.cursor + 1 && !this.#isAhead) {
          this.#world.problem(`a follower of ${this.id} saw ${seq} after ${this.cursor}`);
        }
        this.cursor = seq;
        this.#isAhead = false;
      }
    }
    this.#isAhead = false;
  }
}

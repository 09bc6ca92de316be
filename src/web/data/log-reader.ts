import type { Event } from '../../client/types.ts';

// Reads the log of one session. A long log is read from both ends: its end immediately, because a person first looks at
// the newest messages, and then, page by page, the earlier part.

const pageSize = 1_000; // events
/** Number of events read first if a log is longer than a page: enough for several screens. */
const endSize = 300;
const againMs = 1_000;
const batchMs = 16;

interface Resync {
  readonly type: 'resync';
}
interface LogPage {
  readonly events: readonly Event[];
  /** The newest event of the whole log. */
  readonly lastSeq: number;
}
export interface LogSource {
  list(afterSeq: number, limit: number): Promise<LogPage>;
  /** Sends the events after a seq, including new ones, until the returned function is called. */
  follow(afterSeq: number, hearer: LogSubscriber): () => void;
  /** Whether a retry is pointless, because the session does not exist. */
  isFinal(error: unknown): boolean;
}
export interface LogSubscriber {
  onData(event: Event | Resync): void;
  onEnd(): void;
  onError(error: unknown): void;
}
export interface LogView {
  /** Receives the next events of the log, from its start on. */
  take(events: readonly Event[]): void;
  /**
   * Receives events of the log's end, in order, while the events before them are being read. `join` delivers them
   * again.
   */
  takeEnd(events: readonly Event[]): void;
  /** Receives the remaining events up to the newest. From now on nothing is missing, and only `take` is called. */
  join(end: readonly Event[]): void;
  /** The session does not exist, or was deleted. */
  gone(): void;
  /** The server no longer has the next events: the reader has stopped, and a new reader starts. */
  startAgain(): void;
}

/** Events that are not read yet: those after `after`, up to and including `upTo`. */
interface Gap {
  after: number;
  readonly upTo: number;
}

export class LogReader {
  readonly #source: LogSource;
  readonly #view: LogView;
  /** The newest event that was read, and the newest that is known to exist. */
  #seq = 0;
  #head = 1;
  #gap: Gap | undefined;
  /** All events after the gap so far. */
  #end: Event[] = [];
  #waiting: Event[] = [];
  #batch: ReturnType<typeof setTimeout> | undefined;
  #unfollow = () => {};
  readonly #over = new AbortController();

  constructor(source: LogSource, view: LogView) {
    this.#source = source;
    this.#view = view;
  }

  /** Starts reading. The returned function stops it. */
  start(): () => void {
    void this.#untilDone(() => this.#readEnd()).then(() => {
      void this.#untilDone(() => this.#fillGap());
      void this.#untilDone(() => this.#catchUp());
    });
    return () => this.#stop();
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  #stop(): void {
    this.#over.abort();
    this.#unfollow();
    clearTimeout(this.#batch);
  }

  async #untilDone(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      try {
        await work();
        return;
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  /** Waits after a temporary failure: a busy store, or a connection that broke while the page reloads. */
  async #failed(error: unknown): Promise<void> {
    if (this.#isOver) return;
    if (this.#source.isFinal(error)) this.#leave();
    else await new Promise((done) => setTimeout(done, againMs));
  }

  #leave(): void {
    this.#stop();
    this.#view.gone();
  }

  /** Reads the first page, and the end of a log that is much longer. */
  async #readEnd(): Promise<void> {
    const first = await this.#source.list(0, pageSize);
    const after = lastOf(first);
    const upTo = first.lastSeq - endSize;
    const end = upTo > after ? await this.#source.list(upTo, pageSize) : undefined;
    if (this.#isOver) return;
    if (end) {
      this.#gap = { after, upTo };
      this.#deliver(end);
    } else this.#note(first);
    this.#view.take(first.events);
  }

  async #fillGap(): Promise<void> {
    while (this.#gap && !this.#isOver) {
      const gap = this.#gap;
      const page = await this.#source.list(gap.after, pageSize);
      if (this.#isOver) return;
      this.#view.take(page.events.filter(({ seq }) => seq <= gap.upTo));
      gap.after = lastOf(page);
      if (gap.after < gap.upTo) continue;
      this.#gap = undefined;
      this.#view.join(this.#end);
      this.#end = [];
    }
  }

  /** Reads up to the newest event in pages, then follows, because the subscription has a frame for each event. */
  async #catchUp(): Promise<void> {
    while (this.#seq < this.#head) {
      const page = await this.#source.list(this.#seq, pageSize);
      if (this.#isOver) return;
      this.#deliver(page);
    }
    if (!this.#isOver) this.#follow();
  }

  #follow(): void {
    this.#unfollow = this.#source.follow(this.#seq, {
      onData: (event) => {
        if (event.type === 'resync') {
          this.#stop();
          this.#view.startAgain();
          return;
        }
        this.#seq = event.seq;
        this.#head = event.seq;
        this.#waiting.push(event);
        this.#batch ??= setTimeout(() => this.#flush(), batchMs);
      },
      onEnd: () => this.#leave(),
      onError: (error) => {
        this.#unfollow();
        this.#flush();
        this.#head = this.#seq + 1;
        void this.#failed(error).then(() => this.#untilDone(() => this.#catchUp()));
      },
    });
  }

  #flush(): void {
    clearTimeout(this.#batch);
    this.#batch = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    this.#pass(events);
  }

  #note(page: LogPage): void {
    this.#seq = lastOf(page);
    this.#head = page.lastSeq;
  }

  #deliver(page: LogPage): void {
    this.#note(page);
    this.#pass(page.events);
  }

  #pass(events: readonly Event[]): void {
    if (events.length === 0) return;
    if (this.#gap) {
      this.#end.push(...events);
      this.#view.takeEnd(events);
    } else this.#view.take(events);
  }
}

const lastOf = ({ events, lastSeq }: LogPage): number => events.at(-1)?.seq ?? lastSeq;

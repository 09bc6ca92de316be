import type { Event } from '../../client/types.ts';

// Reads the end of a long log first, because it has the newest messages.

const pageSize = 1_000; // events
/** How many events at the end of a long log are shown at first. */
const endSize = 300;
const againMs = 1_000;
const batchMs = 16;

interface LogPage {
  readonly events: readonly Event[];
  readonly lastSeq: number;
}
export interface LogSource {
  list(afterSeq: number, limit: number): Promise<LogPage>;
  /** Sends stored and new events until the returned function is called. */
  follow(afterSeq: number, subscriber: LogSubscriber): () => void;
  /** Whether a retry is pointless, for example because the session does not exist. */
  isFinal(error: unknown): boolean;
}
export interface LogSubscriber {
  onData(event: Event | { readonly type: 'resync' }): void;
  onEnd(): void;
  onError(error: unknown): void;
}
export interface LogSink {
  take(events: readonly Event[]): void;
  /** Receives the newest events while earlier ones are read. `join` delivers them again. */
  receiveTail(events: readonly Event[]): void;
  /** Called after all earlier events, with the log's end again. Only `take` is called afterwards. */
  join(end: readonly Event[]): void;
  gone(): void;
  /** The reader has stopped after a resync. The view must start a new one. */
  startAgain(): void;
}

export class LogReader {
  readonly #source: LogSource;
  readonly #view: LogSink;
  /** Seqs of the newest event that was read and the newest known event. */
  #seq = 0;
  #head = 1;
  /** Events still to be read: those after `after`, up to and including `upTo`. */
  #gap: { after: number; readonly upTo: number } | undefined;
  #end: Event[] = [];
  #waiting: Event[] = [];
  #batch: ReturnType<typeof setTimeout> | undefined;
  #unfollow = () => {};
  readonly #over = new AbortController();

  constructor(source: LogSource, view: LogSink) {
    this.#source = source;
    this.#view = view;
  }

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

  async #failed(error: unknown): Promise<void> {
    if (this.#isOver) return;
    if (this.#source.isFinal(error)) this.#leave();
    else await new Promise((done) => setTimeout(done, againMs));
  }

  #leave(): void {
    this.#stop();
    this.#view.gone();
  }

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

  /** Reads whole pages before it subscribes, because a subscription sends one frame per event. */
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
      this.#view.receiveTail(events);
    } else this.#view.take(events);
  }
}

const lastOf = ({ events, lastSeq }: LogPage): number => events.at(-1)?.seq ?? lastSeq;

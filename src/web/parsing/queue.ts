import type { ParseTaskInput, ParseTaskName, ParseTaskOutput, ParseTaskReport, ParseTaskRequest } from './tasks.ts';

// One worker parses all untrusted text. A slow task is terminated with its worker.

const maxTaskMs = 4_000;
/** After this many timeouts, tasks get less time. */
const maxSlow = 3;
const maxTaskMsOfHostile = 500;
const maxStartMs = 30_000;
const maxWaiting = 20_000;

export interface WorkerLike {
  postMessage(order: ParseTaskRequest): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<ParseTaskReport>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}
interface Task extends ParseTaskRequest {
  readonly end: (output: unknown) => void;
}
export interface ParseTaskQueueOptions {
  readonly start: () => WorkerLike;
  /** The returned function cancels the call. */
  readonly after: (ms: number, act: () => void) => () => void;
}

export class ParseTaskQueue {
  readonly #options: ParseTaskQueueOptions;
  #waiting: Task[] = [];
  #worker: WorkerLike | undefined;
  #isReady = false;
  #running: Task | undefined;
  #cancelTimer = () => {};
  #nextId = 1;
  #slow = 0;

  constructor(options: ParseTaskQueueOptions) {
    this.#options = options;
  }

  /**
   * The newest task runs first. Resolves with undefined if the task fails, times out, is aborted, or is dropped because
   * too many newer tasks are waiting.
   */
  run<Name extends ParseTaskName>(
    name: Name,
    input: ParseTaskInput<Name>,
    signal?: AbortSignal,
  ): Promise<ParseTaskOutput<Name> | undefined> {
    const { promise, resolve } = Promise.withResolvers<ParseTaskOutput<Name> | undefined>();
    const end = (output: unknown) => resolve(output as ParseTaskOutput<Name> | undefined);
    const task: Task = { id: this.#nextId++, name, input, end };
    this.#waiting.push(task);
    if (this.#waiting.length > maxWaiting) this.#waiting.shift()?.end(undefined);
    signal?.addEventListener('abort', () => {
      this.#waiting = this.#waiting.filter((one) => one !== task);
      end(undefined);
    });
    this.#next();
    return promise;
  }

  warm(): void {
    if (!this.#worker) this.#start();
  }

  #next() {
    if (this.#running || this.#waiting.length === 0) return;
    if (!this.#worker) this.#start();
    if (!this.#isReady) return;
    const task = this.#waiting.pop() as Task;
    this.#running = task;
    this.#cancelTimer = this.#options.after(this.#slow < maxSlow ? maxTaskMs : maxTaskMsOfHostile, () => {
      this.#slow++;
      this.#replace();
    });
    this.#worker?.postMessage({ id: task.id, name: task.name, input: task.input });
  }

  #start() {
    let worker: WorkerLike;
    try {
      worker = this.#options.start();
    } catch {
      return this.#fail();
    }
    this.#worker = worker;
    worker.onmessage = ({ data }) => {
      if (data !== 'ready') return this.#end(data.id, data.output);
      this.#cancelTimer();
      this.#isReady = true;
      return this.#next();
    };
    worker.onerror = () => this.#fail();
    this.#cancelTimer = this.#options.after(maxStartMs, () => this.#fail());
    return undefined;
  }

  #end(id: number, output: unknown) {
    if (id !== this.#running?.id) return;
    this.#cancelTimer();
    const { end } = this.#running;
    this.#running = undefined;
    end(output);
    this.#next();
  }

  #replace() {
    this.#cancelTimer();
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#isReady = false;
    this.#running?.end(undefined);
    this.#running = undefined;
    this.#next();
  }

  /** A newer server may lack the worker's file. Text then stays plain. */
  #fail() {
    const waiting = this.#isReady ? [] : this.#waiting;
    if (!this.#isReady) this.#waiting = [];
    for (const { end } of waiting) end(undefined);
    this.#replace();
  }
}

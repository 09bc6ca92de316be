import type { Box } from '../../client/index.ts';
import { combineSignals, sleep } from '../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { type AgentsApi, AgentsApiError, retryApiCall } from './agents-api.ts';
import { type SessionPhase, ToolCallQueue, type WorkerToolCall } from './call-queue.ts';
import { cancelToolCall, runWorkerTool, workerToolNames } from './tools.ts';

interface SessionWorkParts {
  readonly api: AgentsApi;
  readonly sessionId: string;
  readonly box: Box;
  readonly maxIdleMs: number;
  readonly say: (line: string) => void;
}

/** Rejects when the signal fires, but does not stop a running command. */
export async function serveSession(parts: SessionWorkParts, signal: AbortSignal): Promise<SessionPhase> {
  const { api, sessionId } = parts;
  const calls = new ToolCallQueue(workerToolNames);
  const running = new RunningCalls(parts, calls, signal);
  const isEnded = () => calls.phase === 'ended';
  for (;;) {
    const ended = new AbortController();
    const anySignal = combineSignals([signal, ended.signal, running.failed]);
    const idle = new IdleTimer(parts.maxIdleMs, () => ended.abort());
    try {
      // The stream opens before the log is read, so no event falls between them.
      const stream = await retryApiCall(() => api.stream(sessionId, anySignal), anySignal);
      for await (const event of api.events(sessionId, anySignal)) calls.add(event);
      const look = () => {
        running.follow();
        idle.set(calls.phase === 'idle' && !calls.isHeld && running.count === 0);
      };
      running.onEnd = look;
      look();
      if (isEnded()) return 'ended';
      for await (const event of stream) {
        calls.add(event);
        look();
        if (isEnded()) return 'ended';
      }
    } catch (error) {
      if (ended.signal.aborted) return 'idle';
      signal.throwIfAborted();
      running.throwIfFailed();
      if (error instanceof AgentsApiError && error.status === 404) return 'ended';
      if (error instanceof AgentsApiError && !error.isTransient) throw error; // a retry would also be refused
      parts.say(`${sessionId}: the stream broke (${(error as Error).message}); reopening it.`);
    } finally {
      running.onEnd = () => {};
      idle.set(false);
      ended.abort();
    }
    await sleep(500 + Math.random() * 500, signal);
  }
}

/** Commands share a shell, so they run in order; other calls run immediately. */
class RunningCalls {
  readonly #parts: SessionWorkParts;
  readonly #calls: ToolCallQueue;
  readonly #signal: AbortSignal;
  readonly #inOrder = createKeyedQueue();
  readonly #running = new Map<WorkerToolCall, AbortController>();
  readonly #failed = new AbortController();
  #interrupts = 0;
  onEnd: () => void = () => {};

  constructor(parts: SessionWorkParts, calls: ToolCallQueue, signal: AbortSignal) {
    this.#parts = parts;
    this.#calls = calls;
    this.#signal = signal;
  }

  get count(): number {
    return this.#running.size;
  }
  get failed(): AbortSignal {
    return this.#failed.signal;
  }
  throwIfFailed(): void {
    this.#failed.signal.throwIfAborted();
  }

  follow(): void {
    if (this.#calls.interrupts > this.#interrupts) {
      this.#interrupts = this.#calls.interrupts;
      for (const [call, ended] of this.#running) {
        ended.abort();
        void cancelToolCall(this.#parts.box, call).catch(() => {});
      }
    }
    for (const call of this.#calls.take()) {
      const ended = new AbortController();
      this.#running.set(call, ended);
      const signal = combineSignals([this.#signal, ended.signal]);
      const work = () => this.#run(call, signal);
      void (call.name === 'bash' ? this.#inOrder('bash', work) : work())
        .catch((error: unknown) => {
          if (!signal.aborted) this.#failed.abort(error);
        })
        .finally(() => {
          this.#running.delete(call);
          this.onEnd();
        });
    }
  }

  async #run(call: WorkerToolCall, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { api, sessionId, box, say } = this.#parts;
    say(`${sessionId}: ${call.name}`);
    const { text, picture, isError } = await runWorkerTool(box, call, signal);
    if (this.#calls.isSettled(call)) return;
    const content = [{ type: 'text', text: text === '' ? '(no output)' : text }, ...(picture ? [picture] : [])];
    const answer = { type: 'user.tool_result', tool_use_id: call.id, is_error: isError, content };
    await retryApiCall(() => api.send(sessionId, [answer], signal), signal);
  }
}

class IdleTimer {
  readonly #ms: number;
  readonly #fire: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, fire: () => void) {
    this.#ms = ms;
    this.#fire = fire;
  }

  set(isIdle: boolean): void {
    if (isIdle) this.#timer ??= setTimeout(this.#fire, this.#ms);
    else {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }
}

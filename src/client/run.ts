import type { Connection } from './connection.ts';
import { followEvents } from './events.ts';
import type { Event, Outputs } from './types.ts';

export interface RunResult {
  readonly status: 'completed' | 'stopped' | 'failed' | 'deleted';
  readonly reason: string;
  /** The agent's last message. */
  readonly text: string;
  /** The server's error code and message, if the run failed. */
  readonly code?: string;
  readonly error?: string;
  /** The result of the run's goal; absent without a goal. */
  readonly goal?: GoalEnd;
}
export type GoalEnd = NonNullable<Extract<Event, { type: 'run.end' }>['data']['goal']>;
type Approval = Outputs['runs']['approve'];

/**
 * The work from one message to its end. Iterate over its events, or wait for its result; both start at the message. If
 * the connection breaks, both resume after the last event.
 *
 * @example
 * const run = await box.run('Count the files');
 * for await (const event of run) console.log(event.type);
 */
export class Run implements AsyncIterable<Event> {
  readonly id: string;
  readonly sessionId: string;
  /** The seq of the run's message in the session's log. */
  readonly seq: number;
  readonly #server: Connection;
  #result: Promise<RunResult> | undefined;

  constructor(server: Connection, { sessionId, id, seq }: { sessionId: string; id: string; seq: number }) {
    this.id = id;
    this.sessionId = sessionId;
    this.#server = server;
    this.seq = seq;
  }

  /** A run that waits for an answer has not ended. */
  result(): Promise<RunResult> {
    this.#result ??= this.#watch();
    return this.#result;
  }

  /** Answers a question, or steers the run. */
  async answer(text: string): Promise<void> {
    await this.#server.call((api) => api.runs.send.mutate({ sessionId: this.sessionId, text }));
  }

  approve(callId: string): Promise<Approval> {
    return this.#server.call((api) => api.runs.approve.mutate({ sessionId: this.sessionId, callId }));
  }

  /** Rejects the call. The model receives the rejection with the text. */
  reject(callId: string, text?: string): Promise<Approval> {
    const requested = { sessionId: this.sessionId, callId, ...(text !== undefined && { text }) };
    return this.#server.call((api) => api.runs.reject.mutate(requested));
  }

  async stop(): Promise<boolean> {
    return (await this.#server.call((api) => api.runs.stop.mutate({ sessionId: this.sessionId }))).stopped;
  }

  /** Ends with the event `run.end`, or when the session is deleted. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void> {
    for await (const event of followEvents(this.#server, this.sessionId, this.seq - 1)) {
      yield event;
      if (event.type === 'run.end' && event.runId === this.id) return;
    }
  }

  async #watch(): Promise<RunResult> {
    const result = { status: 'deleted', reason: 'deleted', text: '' } as {
      -readonly [Key in keyof RunResult]: RunResult[Key];
    };
    for await (const event of this) {
      if (event.runId !== this.id) continue;
      if (event.type === 'message.assistant') result.text = event.data.text;
      if (event.type === 'run.error') result.error = event.data.error;
      if (event.type !== 'run.end') continue;
      const { status, reason, code, goal } = event.data;
      return { ...result, status, reason, ...(code !== undefined && { code }), ...(goal && { goal }) };
    }
    return result;
  }
}

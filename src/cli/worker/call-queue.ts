import { z } from 'zod';
import type { AgentEvent } from './agents-api.ts';

const ToolUse = z.object({
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()).default({}),
  evaluated_permission: z.string().nullish(),
});
export type WorkerToolCall = Pick<z.infer<typeof ToolUse>, 'id' | 'name' | 'input'>;

const Answer = z.object({ tool_use_id: z.string() });
const Verdict = Answer.extend({ result: z.string() });
const Idle = z.object({ stop_reason: z.object({ type: z.string() }).nullish() });

/** `open`: the session is working or waiting for an answer. `idle`: its turn ended. `ended`: no more work. */
export type SessionPhase = 'open' | 'idle' | 'ended';

/** Events can arrive from both the log and the stream; each call runs once. */
export class ToolCallQueue {
  readonly #tools: ReadonlySet<string>;
  readonly #seen = new Set<string>();
  readonly #settled = new Set<string>();
  readonly #held = new Map<string, WorkerToolCall>();
  #ready: WorkerToolCall[] = [];
  #phase: SessionPhase = 'open';
  #interrupts = 0;

  constructor(tools: Iterable<string>) {
    this.#tools = new Set(tools);
  }

  get phase(): SessionPhase {
    return this.#phase;
  }
  /** Counts interrupts. After each one, the Managed Agents API answers the waiting calls itself. */
  get interrupts(): number {
    return this.#interrupts;
  }
  get isHeld(): boolean {
    return this.#held.size > 0;
  }
  isSettled(call: WorkerToolCall): boolean {
    return this.#settled.has(call.id);
  }

  take(): readonly WorkerToolCall[] {
    const calls = this.#ready.filter((call) => !this.isSettled(call));
    this.#ready = [];
    return calls;
  }

  add(event: AgentEvent): void {
    if (event.id !== undefined) {
      if (this.#seen.has(event.id)) return;
      this.#seen.add(event.id);
    }
    switch (event.type) {
      case 'agent.tool_use':
        this.#addCall(ToolUse.parse(event));
        return;
      case 'user.tool_confirmation':
        this.#confirm(Verdict.parse(event));
        return;
      case 'user.tool_result':
      case 'agent.tool_result':
        this.#settle(Answer.parse(event).tool_use_id);
        return;
      case 'user.interrupt':
        this.#interrupts += 1;
        for (const { id } of [...this.#held.values(), ...this.#ready]) this.#settle(id);
        return;
      case 'session.status_running':
        this.#phase = 'open';
        return;
      case 'session.status_idle':
        this.#phase = Idle.parse(event).stop_reason?.type === 'requires_action' ? 'open' : 'idle';
        return;
      case 'session.status_terminated':
      case 'session.deleted':
        this.#phase = 'ended';
        return;
    }
  }

  #addCall({ id, name, input, evaluated_permission: permission }: z.infer<typeof ToolUse>): void {
    // The Managed Agents API, or another program, runs the other tools.
    if (!this.#tools.has(name) || this.#settled.has(id)) return;
    if (permission === 'allow' || permission == null) this.#ready.push({ id, name, input });
    // A call with an unknown permission also waits, because nobody has approved it.
    else if (permission !== 'deny') this.#held.set(id, { id, name, input });
  }

  #confirm({ tool_use_id: id, result }: z.infer<typeof Verdict>): void {
    const call = this.#held.get(id);
    this.#held.delete(id);
    if (call && result === 'allow') this.#ready.push(call);
  }

  #settle(id: string): void {
    this.#settled.add(id);
    this.#held.delete(id);
  }
}

import { z } from 'zod';
import type { SessionCommand } from '../../../machines/session.ts';
import { createTimeoutSignal, sleep, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { runWorkLoop } from '../../core/concurrency/rounds.ts';
import type { CommandQueue, QueuedCommand } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, errorCodes, toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { type Ownership, ownershipLostError } from '../engine/ownership.ts';

// Servers never connect to each other; the session's holder executes commands from the store. Without a holder, some
// server acquires the session.

export interface RemoteCommand {
  readonly name: string;
  readonly body: unknown;
}
/**
 * `since`: when another server posted the command, in epoch ms. Commands can be executed more than once. Rejects:
 * fenced (the session is no longer ours).
 */
type CommandExecutor = (id: SessionId, command: RemoteCommand, since: number) => Promise<unknown>;

export interface RemoteCommandBusOptions extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly commands: CommandQueue;
  readonly ownership: Ownership;
  readonly act: CommandExecutor;
  readonly warn: (error: unknown, text: string) => void;
}
interface PendingAnswer {
  readonly done: PromiseWithResolvers<unknown>;
}

const patienceMs = 60_000; // long enough for a queued sandbox start; after this, the call fails with deadline_exceeded
const orphanMs = 1_000; // if a command is unanswered for this long, its session may have no holder
const orphanedMs = 200; // interval between checks while a command waits for a lost holder's lease to expire
const keptMs = 3_600_000;
const rememberedMs = 10_000;
const atOnce = 64;
const fast = 20;
const slow = 250;

const Body = z.object({ until: z.number(), body: z.unknown() });
const Answer = z.union([
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.enum(errorCodes), message: z.string() }),
]);

export class RemoteCommandBus extends ServerComponent<RemoteCommandBusOptions> implements AsyncDisposable {
  readonly #awaited = new Map<string, PendingAnswer>();
  /** Maps recent commands to the timers that remove them, and executing commands to undefined. */
  readonly #taken = new Map<string, unknown>();
  readonly #stop = new AbortController();
  readonly #work: Promise<unknown>[] = [];
  #wake = () => {};

  start(): void {
    const serving = this.#again('commands could not be read', () => this.#doPending());
    this.#work.push(serving, this.#listen(), this.#findOrphans());
  }

  async route<Value>(
    id: SessionId,
    command: RemoteCommand,
    here: () => Promise<Value>,
    signal?: AbortSignal,
  ): Promise<Value> {
    const { ownership } = this.deps;
    try {
      await ownership.take(id, isStop(command) ? 'confirmed' : undefined);
      return await here();
    } catch (thrown) {
      if (toAppError(thrown).code !== 'fenced') throw thrown;
    }
    return (await this.post(id, command, signal)) as Value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const forget of this.#taken.values()) this.deps.clock.clearTimeout(forget);
    for (const { done } of this.#awaited.values()) {
      const text = 'The server is shutting down, and the server that owns this session has not answered yet.';
      done.reject(new AppError('deadline_exceeded', text)); // not `shutting_down`: the holder may still execute the command
    }
    this.#wake();
    await Promise.all(this.#work);
  }

  /** Rejects with the holder's error, cancelled, or deadline_exceeded (after a minute, or at shutdown). */
  async post(id: SessionId, { name, body }: RemoteCommand, signal?: AbortSignal): Promise<unknown> {
    const { commands, clock, ids } = this.deps;
    const commandId = `${id}:${ids.short()}`;
    const at = clock.now();
    using until = createTimeoutSignal(patienceMs, clock, signal);
    const late = () => awaited.done.reject(lateError(until.signal));
    const awaited: PendingAnswer = { done: Promise.withResolvers<unknown>() };
    awaited.done.promise.catch(() => {}); // avoids an unhandled rejection; awaited below
    this.#awaited.set(commandId, awaited);
    until.signal.addEventListener('abort', late, { once: true });
    try {
      await commands.post({ id: commandId, sessionId: id, name, at, body: { until: at + patienceMs, body } });
      this.#wake();
      const answer = Answer.parse(await awaited.done.promise);
      if (answer.ok) return answer.value;
      throw new AppError(answer.code, answer.message);
    } finally {
      this.#awaited.delete(commandId);
      until.signal.removeEventListener('abort', late);
    }
  }

  async #listen(): Promise<void> {
    const { commands } = this.deps;
    await this.#again('answers could not be read', async () => {
      if (this.#awaited.size === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (this.#stop.signal.aborted) resolve();
        });
        return true;
      }
      const answers = await commands.answers([...this.#awaited.keys()]);
      for (const [id, answer] of answers) this.#awaited.get(id)?.done.resolve(answer);
      return answers.size > 0;
    });
  }

  async #doPending(): Promise<boolean> {
    const { commands, ownership } = this.deps;
    const owned = ownership.owned();
    if (owned.length === 0) return false;
    // The list includes commands already being executed. With a fixed limit, commands waiting for slow sandbox starts
    // could fill the list and crowd out a stop.
    const pending = (await commands.pending(owned, atOnce + this.#taken.size)).filter(({ id }) => !this.#taken.has(id));
    for (const command of pending) void this.#do(command);
    return pending.length > 0;
  }

  async #do(command: QueuedCommand): Promise<void> {
    const { commands, act, warn } = this.deps;
    this.#taken.set(command.id, undefined);
    const answer = await this.#outcome(command, act);
    // The session's next holder finds the command in the store.
    if (!answer.ok && (answer.code === 'fenced' || answer.code === 'shutting_down')) {
      this.#taken.delete(command.id);
      return;
    }
    for (let tries = 0; tries < 5; tries++) {
      const isAnswered = await commands.answer(command.id, answer).then(
        () => true,
        (error: unknown) => warn(error, 'an answer could not be stored'),
      );
      if (isAnswered) break;
      await sleep(slow, this.#stop.signal, this.deps.clock).catch(() => {});
    }
    // Delayed, because a list requested before the answer may still contain the command.
    const forget = this.deps.clock.setTimeout(() => this.#taken.delete(command.id), rememberedMs);
    this.#taken.set(command.id, forget);
    if (this.#stop.signal.aborted) this.deps.clock.clearTimeout(forget);
  }

  async #outcome({ sessionId, name, body, at }: QueuedCommand, act: RemoteCommandBusOptions['act']) {
    try {
      const { until, body: requested } = Body.parse(body);
      if (until < this.deps.clock.now()) throw lateError();
      const value = await act(sessionId, { name, body: requested }, at);
      return { ok: true as const, value: value ?? null };
    } catch (thrown) {
      // Confirms the lease, because a refusal appends nothing that the log's fence could reject.
      const { code, publicMessage: message } = await this.deps.ownership.take(sessionId, 'confirmed').then(
        () => toAppError(thrown),
        () => ownershipLostError(),
      );
      return { ok: false as const, code, message };
    }
  }

  async #findOrphans(): Promise<void> {
    const { commands, ownership, clock, warn } = this.deps;
    const { signal } = this.#stop;
    let sweptAt = clock.now();
    const round = async () => {
      const now = clock.now();
      const waiting = await commands.waiting(now - orphanMs, atOnce);
      for (const id of waiting) {
        await ownership.take(id).catch((thrown: unknown) => {
          if (toAppError(thrown).code !== 'fenced') throw thrown;
        });
      }
      if (waiting.length > 0) await this.#doPending();
      if (now - sweptAt >= keptMs) {
        sweptAt = now;
        await commands.expire(now - keptMs);
      }
      return waiting.length > 0 ? orphanedMs : orphanMs;
    };
    const onError = (error: unknown) => warn(error, 'waiting commands could not be listed');
    await runWorkLoop(round, { clock, firstMs: orphanMs, failedMs: orphanMs, onError }, signal);
  }

  async #again(complaint: string, look: () => Promise<boolean>): Promise<void> {
    const { clock, warn } = this.deps;
    let wait = fast;
    const round = async () => {
      wait = (await look()) ? fast : Math.min(wait * 1.5, slow);
      return wait;
    };
    const onError = (error: unknown) => warn(error, complaint);
    await runWorkLoop(round, { clock, failedMs: slow * 4, onError }, this.#stop.signal);
  }
}

/** A stop without a run appends nothing, so the log's fence cannot reject it. */
const isStop = ({ name, body }: RemoteCommand): boolean =>
  name === 'command' && (body as Partial<SessionCommand>).type === 'cmd.stop';

function lateError(signal?: AbortSignal): AppError {
  try {
    if (signal) throwIfAborted(signal);
  } catch (thrown) {
    return toAppError(thrown);
  }
  return new AppError('deadline_exceeded', 'The server that owns this session did not respond in time.');
}

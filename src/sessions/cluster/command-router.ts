import { z } from 'zod';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { CommandQueue, EventLog } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { ForkFilesStatus } from '../../core/model/events.ts';
import { type MessageId, type RunId, SessionId } from '../../core/model/ids.ts';
import { findProtocolViolation } from '../../core/model/protocol-violation.ts';
import { SessionCommand } from '../../core/model/runs/session-command.ts';
import type { ClusterCommands, LocalEngine } from '../engine/cluster.ts';
import type { Ownership } from '../engine/ownership.ts';
import type { SandboxFact } from '../engine/sandbox/sandbox-facts.ts';
import type { SessionRecordChange } from '../engine/session-commands.ts';
import { StoredSession } from '../run/log/projection.ts';
import { type RemoteCommand, RemoteCommandBus } from './remote-commands.ts';

const Fact = z.object({
  type: z.enum(['egress', 'sandbox.phase', 'desktop', 'sandbox.disk_exceeded', 'repository']),
  data: z.unknown(),
}) satisfies z.ZodType<SandboxFact>;

const Forked = z.object({ from: SessionId, to: SessionId, atSeq: z.int(), files: ForkFilesStatus });
/** Keeps only the posted fields, because the partial schema would add defaults. */
const Change = z.record(z.string(), z.unknown()).transform((input) => {
  const fields = StoredSession.partial().extend({ forked: Forked.optional(), attempt: z.int().optional() });
  const parsed = Object.entries(fields.parse(input));
  return Object.fromEntries(parsed.filter(([name]) => name in input)) as SessionRecordChange;
});

const Posted = z.discriminatedUnion('name', [
  z.object({ name: z.literal('change'), body: Change }),
  z.object({ name: z.literal('note'), body: Fact }),
  z.object({ name: z.literal('use'), body: z.unknown() }),
  z.object({ name: z.literal('command'), body: SessionCommand }),
]);

/** Throws unsupported if another version of Corral posted the command. */
export function parsePostedCommand({ name, body }: RemoteCommand) {
  try {
    return Posted.parse({ name, body });
  } catch (cause) {
    const text = 'This server cannot read a command of another server. Run the same version of Corral on all servers.';
    throw new AppError('unsupported', text, { cause });
  }
}

const [pageSize, maxPageSize] = [32, 512];
const skewMs = 60_000; // allowed clock skew between two servers

/** An earlier holder may have processed the message without answering. */
async function findSentMessage(
  log: Pick<EventLog, 'page'>,
  id: SessionId,
  { messageId }: Extract<SessionCommand, { type: 'cmd.send' }>,
  since: number,
): Promise<{ messageId: MessageId; runId: RunId; seq: number } | undefined> {
  const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
  for (let after = head, size = pageSize; after > 0; size = Math.min(2 * size, maxPageSize)) {
    const limit = Math.min(size, after);
    after -= limit;
    const { events } = await log.page(id, after, limit);
    for (const event of events) {
      if (event.type !== 'message.user' || event.data.messageId !== messageId || event.runId === null) continue;
      return { messageId, runId: event.runId, seq: event.seq };
    }
    const [oldest] = events;
    if (!oldest || oldest.ts < since - skewMs) return undefined;
  }
  return undefined;
}

interface Deps extends LocalEngine, Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly ownership: Ownership;
  readonly commands: CommandQueue;
  readonly startTimeoutMs: number;
  readonly warn: (error: unknown, text: string) => void;
}
const maxLooks = 5;

export class CommandRouter extends ServerComponent<Deps> implements ClusterCommands {
  readonly #sends = createKeyedQueue();
  readonly #remote = new RemoteCommandBus({ ...this.deps, act: (...posted) => this.#act(...posted) });

  start(): void {
    this.#remote.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remote[Symbol.asyncDispose]();
  }

  command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    return this.#remote.route(id, { name: 'command', body: command }, () => this.#once<Value>(id, command));
  }

  change(id: SessionId, change: SessionRecordChange): Promise<StoredSession> {
    return this.#remote.route(id, { name: 'change', body: change }, () => this.deps.supervisor.change(id, change));
  }

  tell(id: SessionId, fact: SandboxFact): void {
    const { liveSessions, ownership, supervisor } = this.deps;
    if (liveSessions.get(id) || ownership.epochOf(id) !== undefined) supervisor.tell(id, fact);
    else void this.#remote.post(id, { name: 'note', body: fact }).catch(() => {});
  }

  async askForUse(id: SessionId, signal: AbortSignal): Promise<void> {
    await this.#remote.route(id, { name: 'use', body: null }, async () => {}, signal);
  }

  distrust(id: SessionId, error: unknown): void {
    const breach = findProtocolViolation(error);
    const command = { type: 'sandbox.distrust', commandId: this.deps.ids.short() } as const;
    if (breach) void this.command(id, { ...command, breach }).catch(() => {}); // the holder also detects the breach on its own
  }

  /**
   * `since`: when the command was posted, in epoch ms. Rejects: fenced (this server lost the session; the next holder
   * executes the command).
   */
  async #act(id: SessionId, command: RemoteCommand, since: number): Promise<unknown> {
    const { supervisor, sandboxes, startTimeoutMs } = this.deps;
    const posted = parsePostedCommand(command);
    if (posted.name === 'change') return await supervisor.change(id, posted.body);
    if (posted.name === 'note') return supervisor.tell(id, posted.body);
    if (posted.name === 'use') {
      const used = await sandboxes.use(id, AbortSignal.timeout(startTimeoutMs));
      return await used[Symbol.asyncDispose]();
    }
    return await this.#once(id, posted.body, since);
  }

  /** Sends a posted or repeatable message only if the log lacks it, because an earlier holder might have sent it. */
  #once<Value>(id: SessionId, command: SessionCommand, postedAt?: number): Promise<Value> {
    const { supervisor } = this.deps;
    if (command.type === 'cmd.stop') return this.#stop(id, command) as Promise<Value>;
    if (command.type !== 'cmd.send') return supervisor.command(id, command);
    const since = command.isRepeatable ? 0 : postedAt;
    return this.#sends(command.messageId, async () => {
      if (since === undefined) return await supervisor.command<Value>(id, command);
      for (let looks = 0; looks < maxLooks; looks++) {
        const live = await supervisor.reach(id); // once this call resolves, an append without the lease is fenced
        const sent = await findSentMessage(this.deps.log, id, command, since);
        if (sent) return sent as Value;
        // A session rehydrated in the meantime may contain facts that this check missed.
        if (this.deps.liveSessions.get(id) === live && supervisor.has(id)) {
          return await supervisor.command<Value>(id, command);
        }
      }
      throw new AppError('fenced', 'The session moved between servers too often. Try again.');
    });
  }

  /** A stop without a run appends nothing, so it is not fenced. A newer head shows an earlier holder's late append. */
  async #stop(id: SessionId, command: Extract<SessionCommand, { type: 'cmd.stop' }>): Promise<{ stopped: boolean }> {
    for (let looks = 0; looks < maxLooks; looks++) {
      const done = await this.deps.supervisor.command<{ stopped: boolean }>(id, command);
      if (done.stopped || (await this.#isCurrent(id))) return done;
      this.deps.eviction.fenced(id);
    }
    throw new AppError('fenced', 'The session moved between servers too often. Try again.');
  }

  async #isCurrent(id: SessionId): Promise<boolean> {
    const { log, liveSessions } = this.deps;
    const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
    const { writer } = liveSessions.get(id) ?? {};
    await writer?.settled(); // this server's own pending writes do not count as another holder's
    return writer === undefined || writer.head >= head;
  }
}

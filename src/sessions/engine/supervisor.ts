import { type Actor, type ActorRefFrom, createActor, fromPromise } from 'xstate';
import type { SandboxInfo } from '../../../drivers/driver.ts';
import { withSharedEndEvents } from '../../../machines/nameless-ends.ts';
import type { SessionCommand, SessionInput, SlotKind, sessionMachine } from '../../../machines/session.ts';
import { type RestartPolicy, supervisorMachine } from '../../../machines/supervisor.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { IdSource, SessionId } from '../../core/model/ids.ts';
import type { LiveSession } from '../run/live-session.ts';
import { findChangedSessionFields } from '../run/log/changed-fields.ts';
import type { StoredSession } from '../run/log/projection.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { EngineLogger } from './logger.ts';
import type { SandboxFact } from './sandbox/sandbox-facts.ts';
import type { PendingCommands, SessionCommands, SessionRecordChange } from './session-commands.ts';

interface Options extends Pick<ServerDependencies, 'clock'> {
  readonly ids: Pick<IdSource, 'short'>;
  readonly logger: EngineLogger;
  readonly pendingCommands: PendingCommands;
  readonly liveSessions: LiveSessions;
  /** True if other servers share the store. Their late appends must be fenced. */
  readonly isShared: boolean;
  readonly restartPolicy: RestartPolicy;
  readonly limits: Readonly<Record<SlotKind, number>>;
}
export interface SessionActorLogic {
  readonly session: typeof sessionMachine;
  readonly hydrate: (id: SessionId, signal: AbortSignal) => Promise<SessionInput>;
}
export interface SessionEndListener {
  ended(id: SessionId): void;
  abandon(id: SessionId): void;
  unavailable(id: SessionId): void;
}
type SupervisorActor = Actor<typeof supervisorMachine>;

/**
 * The root actor. Its children are this server's sessions, which receive commands and return results.
 *
 * @example
 * supervisor.start({ session, hydrate }, evictor);
 * await supervisor.command(sessionId, { type: 'cmd.stop', commandId });
 */
export class Supervisor extends ServerComponent<Options> implements SessionCommands {
  #actor: SupervisorActor | undefined;

  /** The arguments can depend on this supervisor, so the constructor cannot take them. */
  start({ session, hydrate }: SessionActorLogic, ends: SessionEndListener): void {
    const { clock, restartPolicy: policy, limits } = this.deps;
    const actors = {
      session,
      hydrate: fromPromise<SessionInput, { id: SessionId }>(({ input, signal }) => hydrate(input.id, signal)),
    };
    const actor = createActor(withSharedEndEvents(supervisorMachine.provide({ actors })), {
      clock: { setTimeout: (fn, ms) => clock.setTimeout(fn, ms), clearTimeout: (id) => clock.clearTimeout(id) },
      input: { now: () => clock.now(), policy, limits },
    });
    this.#listen(actor, ends);
    this.#actor = actor.start();
  }

  /** Runs no exit actions, so unfinished work is not touched. */
  stop(): void {
    this.#actor?.stop();
  }

  command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    const answer = this.deps.pendingCommands.expect<Value>(id, command.commandId);
    const session = this.#sessionOf(id);
    if (session) session.send(command);
    else this.#running().send({ type: 'session.command', id, command });
    return answer;
  }

  /** Does not wait for a result. Drops the command once the supervisor has stopped. */
  send(id: SessionId, command: SessionCommand): void {
    if (this.#actor?.getSnapshot().status !== 'active') return;
    this.#actor.send({ type: 'session.command', id, command });
  }

  /** Pauses or stops the session's sandbox if it is not in use. */
  rest(id: SessionId): void {
    this.#sessionOf(id)?.send({ type: 'sandbox.rest' });
  }

  async change(id: SessionId, { title, forked, attempt, ...marks }: SessionRecordChange): Promise<StoredSession> {
    const { writer } = this.deps.liveSessions.get(id) ?? (await this.reach(id));
    const facts: SessionFact[] = [];
    if (forked) facts.push({ type: 'session.forked', runId: null, data: forked });
    const data = {
      ...findChangedSessionFields(writer.record, marks),
      ...(attempt !== undefined && { attempt }),
    };
    // The fact fences a previous owner, which could otherwise overwrite the deletion.
    const isFence = marks.deleting === true && this.deps.isShared;
    const isChanged = Object.keys(data).length > 0;
    const named = title === undefined ? {} : { title };
    if (isFence || isChanged) facts.push({ type: 'session.updated', runId: null, data: { ...data, ...named } });
    if (title !== undefined) facts.push({ type: 'title', runId: null, data: { title } });
    if (Object.keys(marks).length > 0) await writer.amend(marks, facts);
    else if (facts.length > 0) await writer.write(facts);
    else await writer.settled();
    return writer.record;
  }

  tell(id: SessionId, fact: SandboxFact): void {
    const live = this.deps.liveSessions.get(id);
    const whole = { ...fact, runId: live?.runWriter?.runId ?? null } as SessionFact;
    live?.writer.write([whole]).catch((error: unknown) => {
      this.deps.logger.warn({ session: id, err: error }, 'an event could not be written');
    });
  }

  /** Hydrates the session if needed. Rejects: session_not_found, fenced, shutting_down. */
  async reach(id: SessionId): Promise<LiveSession> {
    await this.command(id, { type: 'cmd.touch', commandId: this.deps.ids.short() });
    return this.deps.liveSessions.the(id);
  }

  wake(id: SessionId, sandbox: 'absent' | 'start' | Pick<SandboxInfo, 'expiresAt'>): void {
    if (typeof sandbox === 'object') this.deps.liveSessions.offer(id, sandbox.expiresAt);
    if (sandbox === 'start') this.deps.liveSessions.begin(id);
    this.#running().send({ type: 'session.wake', id });
  }

  /** Skips cleanup, because another server now owns the session. */
  leave(id: SessionId): void {
    this.#running().send({ type: 'session.leave', id });
  }

  /** Treats a session in memory that contradicts its log as crashed. */
  broken(id: SessionId, error: AppError): void {
    this.#running().send({ type: 'session.broken', id, error });
  }

  has(id: SessionId): boolean {
    return this.#sessionOf(id) !== undefined;
  }

  hasSandbox(id: SessionId): boolean {
    const child = this.#running().getSnapshot().children[id];
    const snapshot = child?.getSnapshot() as { context?: { isPresent?: boolean } } | undefined;
    return snapshot?.context?.isPresent === true;
  }

  #running(): SupervisorActor {
    if (!this.#actor) throw new AppError('internal', 'The supervisor has not started.');
    return this.#actor;
  }

  #sessionOf(id: SessionId): ActorRefFrom<typeof sessionMachine> | undefined {
    const child = this.#running().getSnapshot().children[id];
    if (child?.getSnapshot().status !== 'active') return undefined;
    return child as unknown as ActorRefFrom<typeof sessionMachine>;
  }

  #listen(supervisor: SupervisorActor, ends: SessionEndListener): void {
    const { logger, pendingCommands } = this.deps;
    supervisor.subscribe({ error: (error) => logger.error({ err: error }, 'the supervisor failed') });
    supervisor.on('session.ended', ({ id, output }) => {
      logger.info({ session: id, output }, 'session left memory');
      ends.ended(id);
    });
    supervisor.on('session.crashed', ({ id, error, restartInMs }) => {
      logger.error({ session: id, err: error, restartInMs }, 'session actor crashed');
      this.#refuseAll(id, error);
    });
    supervisor.on('session.abandoned', ({ id, error }) => {
      logger.error({ session: id, err: error }, 'session abandoned: it crashed too often');
      this.#refuseAll(id, error);
      ends.abandon(id);
    });
    supervisor.on('session.unavailable', ({ id, error, commands }) => {
      ends.unavailable(id);
      const { code, publicMessage: message } = toAppError(error);
      if (code !== 'session_not_found' && code !== 'fenced')
        logger.error({ session: id, err: error }, 'session could not be read');
      pendingCommands.settle(
        commands.map(({ commandId }) => commandId),
        { ok: false, code, message },
      );
    });
  }

  #refuseAll(id: SessionId, error: unknown): void {
    this.deps.pendingCommands.refuse(error instanceof AppError ? error : restartingError(), id);
  }
}

export const restartingError = () =>
  new AppError('internal', 'Something went wrong in this session; it is being restarted.');

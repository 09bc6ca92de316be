import { createActor, fromPromise } from 'xstate';
import { namelessEnds } from '../../../machines/nameless-ends.ts';
import { quickStops } from '../../../machines/quick-stops.ts';
import type { SessionCommand, SessionInput, sessionMachine } from '../../../machines/session.ts';
import { supervisorMachine } from '../../../machines/supervisor.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';
import type { EngineOptions } from './engine-options.ts';
import type { PendingCommands } from './pending-commands.ts';

interface Options extends Pick<EngineOptions, 'clock' | 'restartPolicy' | 'limits' | 'logger'> {
  readonly pendingCommands: PendingCommands;
  readonly session: typeof sessionMachine;
  readonly hydrate: (id: SessionId, signal: AbortSignal) => Promise<SessionInput>;
  /** The session's actor has finished its work. */
  readonly onEnded: (id: SessionId) => void;
  readonly onGivenUp: (id: SessionId) => void;
  /** The session could not be hydrated. */
  readonly onUnavailable: (id: SessionId) => void;
}

/** The supervisor's actor: passes commands on, answers them, and reports how sessions end. */
export class Supervision {
  readonly #options: Options;
  readonly #supervisor;

  constructor(options: Options) {
    this.#options = options;
    const { clock, restartPolicy, limits, session, hydrate } = options;
    const own = {
      session,
      hydrate: fromPromise<SessionInput, { id: SessionId }>(({ input, signal }) => hydrate(input.id, signal)),
    };
    const machine = namelessEnds(supervisorMachine.provide({ actors: own }));
    this.#supervisor = createActor(machine, {
      clock: { setTimeout: (fn, ms) => clock.setTimeout(fn, ms), clearTimeout: (id) => clock.clearTimeout(id) },
      input: { now: () => clock.now(), policy: restartPolicy, limits },
    });
    quickStops(this.#supervisor);
    this.#listen();
  }

  start(): void {
    this.#supervisor.start();
  }

  /** Runs no exit action: unfinished work stays as it is. */
  stop(): void {
    this.#supervisor.stop();
  }

  /** Starts the session's actor if needed. Rejects when the command is refused. */
  command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    const answer = this.#options.pendingCommands.expect<Value>(id, command.commandId);
    this.#supervisor.send({ type: 'session.command', id, command });
    return answer;
  }

  /** Sends a command without waiting for an answer; it is dropped when the session has no actor. */
  tell(id: SessionId, command: SessionCommand): void {
    if (this.#supervisor.getSnapshot().status !== 'active') return;
    this.#supervisor.send({ type: 'session.command', id, command });
  }

  wake(id: SessionId): void {
    this.#supervisor.send({ type: 'session.wake', id });
  }

  leave(id: SessionId): void {
    this.#supervisor.send({ type: 'session.leave', id });
  }

  broken(id: SessionId, error: AppError): void {
    this.#supervisor.send({ type: 'session.broken', id, error });
  }

  /** Whether a command sent now reaches the actor that is in memory, and no later one. */
  has(id: SessionId): boolean {
    return this.#supervisor.getSnapshot().children[id]?.getSnapshot().status === 'active';
  }

  /** Whether the session has a sandbox, or one that is starting. */
  holds(id: SessionId): boolean {
    const child = this.#supervisor.getSnapshot().children[id];
    const snapshot = child?.getSnapshot() as { context?: { isPresent?: boolean } } | undefined;
    return snapshot?.context?.isPresent === true;
  }

  #listen(): void {
    const { logger, pendingCommands, onEnded, onGivenUp, onUnavailable } = this.#options;
    const supervisor = this.#supervisor;
    supervisor.subscribe({ error: (error) => logger.error({ err: error }, 'the supervisor failed') });
    supervisor.on('session.ended', ({ id, output }) => {
      logger.info({ session: id, output }, 'session left memory');
      onEnded(id);
    });
    supervisor.on('session.crashed', ({ id, error, restartInMs }) => {
      logger.error({ session: id, err: error, restartInMs }, 'session actor crashed');
      this.#refuseAll(id, error);
    });
    supervisor.on('session.givenUp', ({ id, error }) => {
      logger.error({ session: id, err: error }, 'session given up: it crashed too often');
      this.#refuseAll(id, error);
      onGivenUp(id);
    });
    supervisor.on('session.unavailable', ({ id, error, commands }) => {
      onUnavailable(id);
      const { code, publicMessage: message } = toAppError(error);
      if (code !== 'session_not_found' && code !== 'fenced')
        logger.error({ session: id, err: error }, 'session could not be read');
      pendingCommands.settle(
        commands.map(({ commandId }) => commandId),
        { ok: false, code, message },
      );
    });
  }

  /** The actor is gone, so its waiting commands are rejected. */
  #refuseAll(id: SessionId, error: unknown): void {
    this.#options.pendingCommands.refuse(error instanceof AppError ? error : beingRestarted(), id);
  }
}

export const beingRestarted = () =>
  new AppError('internal', 'Something went wrong in this session; it is being restarted.');

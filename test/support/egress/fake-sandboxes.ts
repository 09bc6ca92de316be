import { Readable } from 'node:stream';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { SandboxView } from '../../../src/core/model/records.ts';
import type { ExecCommand } from '../../../src/sessions/api/sandboxes.ts';
import type { Services } from '../../../src/sessions/api/services.ts';
import type { FakeService } from './fake-service.ts';

interface Deps {
  readonly sessions: FakeService['sessions'];
  readonly clock: Clock;
  /** Receives each command that runs. */
  readonly ran: { readonly id: SessionId; readonly command: ExecCommand }[];
  readonly clear: (id: SessionId) => Promise<void>;
}

/** Sandboxes that have only a state, and terminals that show nothing. */
export function fakeSandboxes({ sessions, clock, ran, clear }: Deps): Pick<Services, 'sandboxes' | 'terminals'> {
  const states = new Map<SessionId, SandboxView['state']>();
  const paused = new Map<SessionId, 'memory' | 'files'>();
  function sandboxOf(id: SessionId): SandboxView {
    const state = states.get(id) ?? 'created';
    const keeps = paused.get(id) ?? null;
    const condition = keeps
      ? 'paused'
      : ({ created: 'new', running: 'running', stopped: 'stopped', not_found: 'lost' } as const)[state];
    const now = { condition, keeps, pause: 'memory', idleSeconds: 1_800, filesDamaged: null } as const;
    return { id: sandboxIdOf(id), ...now, state, workdir: '/workspace', driver: 'memory' };
  }
  return {
    sandboxes: {
      async pause(id, { keeps = 'memory' }) {
        await sessions.get(id);
        if (states.get(id) !== 'running') throw new AppError('sandbox_not_found', 'The sandbox is not running.');
        paused.set(id, keeps);
        return sandboxOf(id);
      },
      async status(id) {
        await sessions.get(id);
        return sandboxOf(id);
      },
      async usage(id) {
        await sessions.get(id);
        if (states.get(id) !== 'running') return undefined;
        return { cpuSeconds: 1.5, memoryBytes: 1_000, memoryLimitBytes: null, processes: 2 };
      },
      async services(id) {
        await sessions.get(id);
        return [{ name: 'redis', image: 'redis:7', ports: [6379], state: 'ready' }];
      },
      async start(id) {
        await sessions.get(id);
        const started = states.get(id) !== 'running';
        paused.delete(id);
        states.set(id, 'running');
        return { started };
      },
      async stop(id) {
        await sessions.get(id);
        const stopped = states.get(id) === 'running';
        states.set(id, 'stopped');
        return { stopped };
      },
      async reset(id) {
        await clear(id);
        states.set(id, 'running');
      },
      async rotateTokens(id) {
        const { tokenRounds = 0 } = await sessions.get(id);
        await sessions.update(id, { tokenRounds: tokenRounds + 1 });
      },
      async exec(id, command) {
        await sessions.get(id);
        ran.push({ id, command });
        return { exitCode: 3, stdout: `${command.command}\n`, stderr: 'oh\n', timedOut: false };
      },
    },
    terminals: {
      async open(sessionId) {
        await sessions.get(sessionId);
        return { id: 'shell_0123abcd', sessionId, created: clock.now() };
      },
      async list(id) {
        await sessions.get(id);
        return [];
      },
      get: () => Promise.reject(new AppError('shell_not_found', 'Shell session not found')),
      close: async () => {},
      write: async () => {},
      resize: async () => {},
      async typeIntoShell(id, shellId, text) {
        await sessions.get(id);
        ran.push({ id, command: { command: `${shellId}: ${text}` } });
      },
      connect: async () => ({
        output: Readable.from([]),
        write: () => {},
        resize: () => {},
        ended: new Promise(() => {}),
        [Symbol.asyncDispose]: async () => {},
      }),
    },
  };
}

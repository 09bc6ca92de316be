import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { ProgramEntry, ProgramSpec } from '../../../src/sandboxes/client/client.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { startInFolder } from '../files/byte-names.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';
import { createOperationVariables } from '../shells/environment.ts';
import { markTerminalsOpened } from '../shells/recover.ts';
import { resolveStartFolder } from '../shells/shell-state.ts';
import { endProcessTree } from './end-processes.ts';
import { type PipedProgram, toPipedProgram } from './program-pipes.ts';

export type ProgramOperations = Pick<
  Daemon,
  'openProgram' | 'programs' | 'attachProgram' | 'signalProgram' | 'closeProgram'
>;
interface OpenProgram {
  readonly started: Omit<ProgramEntry, 'exitCode'>;
  readonly pipes: PipedProgram;
  readonly operation: string;
}

export function createProgramOperations(parts: DaemonState): ProgramOperations {
  const { clock, place, keepers, stateDir } = parts;
  const all = new Map<string, OpenProgram>();
  const opening = new Map<string, Promise<ProgramEntry>>();
  let starts = 0;

  const toEntry = ({ started, pipes }: OpenProgram): ProgramEntry => ({
    ...started,
    ...(pipes.exitCode !== undefined && { exitCode: pipes.exitCode }),
  });
  const existing = (id: string): OpenProgram => {
    const opened = all.get(id);
    if (!opened) throw new AppError('not_found', `There is no program ${id}.`);
    return opened;
  };

  async function open(request: ProgramSpec): Promise<ProgramEntry> {
    makeRoom();
    await markTerminalsOpened(stateDir);
    const { id, argv, tag } = request;
    // Unique per start, because an earlier program with this id may still be ending.
    const operation = `program-${id}-${++starts}`;
    const folder = await resolveStartFolder(place, request, { cwd: place.root });
    const env: NodeJS.ProcessEnv = {
      ...parts.env,
      ...parseEnvironmentLines(request.env ?? []),
      ...createOperationVariables(operation, tag),
      CORRAL_MARK: operation,
    };
    const [program = '', ...args] = argv;
    const child = await startInFolder(folder, (cwd) =>
      spawn(program, args, { cwd, env, detached: true, stdio: 'pipe' }),
    );
    await once(child, 'spawn').catch((cause: unknown) => {
      throw toProgramStartError(program, cause, env.PATH);
    });
    const pipes = toPipedProgram(child, parts.touch);
    const opened = { started: { id, pid: child.pid ?? 0, startedAt: clock.now() }, pipes, operation };
    all.set(id, opened);
    void pipes.delivered.then(() => forget(opened));
    return toEntry(opened);
  }
  /** Throws conflict if the limit is reached and no program has ended. */
  function makeRoom(): void {
    const over = all.values().find(({ pipes }) => pipes.exitCode !== undefined);
    if (all.size + opening.size < daemonLimits.programs) return;
    if (!over) throw new AppError('conflict', `There are already ${daemonLimits.programs} programs, the maximum.`);
    forget(over);
  }
  function forget(opened: OpenProgram): void {
    if (all.get(opened.started.id) === opened) all.delete(opened.started.id);
    void endAll(opened);
  }
  async function endAll({ started, operation, pipes }: OpenProgram, grace: 'usual' | 'none' = 'usual'): Promise<void> {
    const strays = createOrphanRule(parts, started.startedAt);
    await endProcessTree({ name: 'CORRAL_OPERATION', value: operation, strays }, { spared: keepers.spared, grace });
    pipes.release();
  }

  return {
    async openProgram(request) {
      const known = all.get(request.id);
      if (known) return toEntry(known);
      const pending = opening.get(request.id);
      if (pending) return await pending;
      const first = open(request).finally(() => opening.delete(request.id));
      opening.set(request.id, first);
      return await first;
    },
    programs: () => [...all.values()].map(toEntry),
    attachProgram: async (id) => existing(id).pipes.attach(),
    async signalProgram(id, name) {
      const opened = existing(id);
      if (name === 'SIGINT') opened.pipes.interrupt();
      else await endAll(opened, name === 'SIGKILL' ? 'none' : 'usual');
    },
    async closeProgram(id) {
      const opened = existing(id);
      all.delete(id);
      await endAll(opened);
    },
  };
}

export function parseEnvironmentLines(lines: readonly string[]): Record<string, string> {
  const named = lines.map((line) => {
    const equals = line.indexOf('=');
    if (equals < 1) throw createBadRequestError('Each line of env must be NAME=value.');
    return [line.slice(0, equals), line.slice(equals + 1)] as const;
  });
  return Object.fromEntries(named);
}

export function toProgramStartError(program: string, cause: unknown, path = process.env.PATH): AppError {
  const { code } = cause as NodeJS.ErrnoException;
  // The system also reports EACCES if a folder in PATH is inaccessible.
  const isMissing = code === 'ENOENT' || (code === 'EACCES' && !program.includes('/') && !isOnPath(program, path));
  if (isMissing) return new AppError('file_not_found', `There is no program ${program} in the sandbox.`);
  if (code === 'EACCES') return createBadRequestError(`${program} cannot be executed.`);
  if (code === 'E2BIG') return createBadRequestError('The arguments and the environment are too long.');
  return new AppError('internal', 'The sandbox could not start a process; it may have reached its limit.', { cause });
}

const isOnPath = (program: string, path = ''): boolean =>
  path.split(':').some((folder) => folder !== '' && existsSync(join(folder, program)));

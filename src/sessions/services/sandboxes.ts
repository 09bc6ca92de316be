import { type Driver, hostsServices } from '../../../drivers/driver.ts';
import { createTimeoutSignal, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { PauseKind } from '../../core/model/sandboxes/condition.ts';
import type { ServiceRecipes } from '../../core/model/services/recipe.ts';
import type { ExecCommand, SandboxService } from '../api/sandboxes.ts';
import type { SessionService } from '../api/sessions.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import { toLoginShellCommand } from './processes.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly commands: SessionCommands;
  readonly sandboxes: SandboxAccess;
  readonly driver: Driver;
  readonly sessions: Pick<SessionService, 'get' | 'update' | 'stop' | 'sandbox' | 'page' | 'follow' | 'activeRun'>;
  readonly servicesOf: (session: SessionRecord) => ServiceRecipes;
  readonly forgetFiles: (id: SessionId) => Promise<void>;
}
const removeMs = 30_000;
const usageMs = 3_000;
const servicesMs = 10_000;
const pauseMs = 30_000;
const nothingToPause = () =>
  new AppError('sandbox_not_found', 'The sandbox is not running, so there is nothing to pause.');

const notFrozen = 'The sandbox could not be frozen and is still running. Try again, or pause it with "keeps": "files".';

export function createSandboxService({
  commands,
  sandboxes,
  driver,
  sessions,
  clock,
  ids,
  servicesOf,
  forgetFiles,
}: Deps): SandboxService {
  const isHeld = async (id: SessionId) => (await commands.change(id, {})).sandboxHeld;
  const release = async (id: SessionId) => {
    if (await isHeld(id)) await commands.change(id, { sandboxHeld: false });
  };
  const isRunning = async (id: SessionId) => (await sessions.sandbox(id)).state === 'running';

  async function stop(id: SessionId): Promise<{ stopped: boolean }> {
    await sessions.get(id);
    await sessions.stop(id);
    await commands.change(id, { sandboxHeld: true });
    const done = await commands.command<{ stopped: boolean }>(id, { type: 'sandbox.stop', commandId: ids.short() });
    await commands.change(id, {}); // waits until the record shows the stop
    return done;
  }

  async function freeze(id: SessionId, signal: AbortSignal): Promise<void> {
    const { head } = await sessions.page(id, Number.MAX_SAFE_INTEGER, 1);
    await commands.command(id, { type: 'sandbox.pause', commandId: ids.short() });
    using until = createTimeoutSignal(pauseMs, clock, signal);
    let hasBegun = false;
    for await (const update of sessions.follow(id, head, { signal: until.signal, deltas: false })) {
      if (update.kind === 'resync' && (await sessions.sandbox(id)).condition === 'paused') return;
      for (const event of update.kind === 'events' ? update.events : []) {
        if (event.type !== 'sandbox.phase') continue;
        if (event.data.phase === 'paused') return;
        if (event.data.phase === 'lost') throw new AppError('sandbox_lost', 'The sandbox ended unexpectedly.');
        if (event.data.phase === 'resuming' && hasBegun) throw new AppError('sandbox_unavailable', notFrozen);
        hasBegun ||= event.data.phase === 'pausing';
      }
    }
    throwIfAborted(until.signal);
    await sessions.get(id); // rejects if the session was deleted or the server is stopping
    throw new AppError('sandbox_unavailable', notFrozen);
  }

  /** Ends the processes but keeps the files. */
  async function end(id: SessionId): Promise<void> {
    const run = await sessions.activeRun(id);
    if (run && !run.waiting) {
      const text = 'A run is in progress, and this pause would end its processes. Stop the run, or wait until it ends.';
      throw new AppError('conflict', text);
    }
    const { stopped } = await commands.command<{ stopped: boolean }>(id, {
      type: 'sandbox.stop',
      commandId: ids.short(),
    });
    await commands.change(id, {}); // waits until the record shows the pause
    if (!stopped) throw nothingToPause();
  }

  return {
    status: (id) => sessions.sandbox(id),
    async usage(id, signal) {
      await sessions.get(id);
      using soon = createTimeoutSignal(usageMs, clock, signal);
      const client = await sandboxes.look(id, soon.signal);
      // The daemon of an older image cannot report usage.
      return await client?.usage(soon.signal).catch(() => undefined);
    },
    async services(id, signal) {
      const values = Object.entries(servicesOf(await sessions.get(id)));
      if (values.length === 0) return [];
      using until = createTimeoutSignal(servicesMs, clock, signal);
      const found = hostsServices(driver) ? await driver.services(sandboxIdOf(id), until) : [];
      return values.map(([name, { image, ports }]) => {
        const { state = 'absent', exitCode } = found.find((it) => it.name === name) ?? {};
        return { name, image, ports, state, ...(exitCode !== undefined && { exitCode }) } as const;
      });
    },
    async start(id, signal) {
      await sessions.get(id);
      const started = !(await isRunning(id));
      if (started) await commands.command(id, { type: 'sandbox.permit', commandId: ids.short() });
      await using _used = await sandboxes.use(id, signal);
      await release(id);
      return { started };
    },
    stop,
    async pause(id, { keeps = mostKept(driver), signal }) {
      await sessions.get(id);
      refuseUnkept(driver, keeps);
      const now = await sessions.sandbox(id);
      if (now.condition === 'paused' && now.keeps === keeps) return now;
      if (keeps === 'files') await end(id);
      else if (await isRunning(id)) await freeze(id, signal);
      else throw nothingToPause();
      return await sessions.sandbox(id);
    },
    async reset(id, signal) {
      await sessions.get(id);
      if (!(await isRunning(id)))
        throw new AppError('sandbox_not_found', 'The sandbox is not running. Start it first.');
      await stop(id);
      await forgetFiles(id); // the removed files must not be reported as damaged
      // Destroys the sandbox, so that nothing from it remains in the new one.
      using until = createTimeoutSignal(removeMs, clock, signal);
      await driver.destroy(sandboxIdOf(id), 'remove', until);
      await using _used = await sandboxes.use(id, signal);
      await release(id);
    },
    async rotateTokens(id) {
      const { tokenRounds = 0 } = await sessions.get(id);
      await sessions.update(id, { tokenRounds: tokenRounds + 1 });
    },
    async exec(id, command, signal) {
      await sessions.get(id);
      if (await isHeld(id)) {
        throw new AppError('sandbox_not_found', 'The sandbox is not running. Start it first.');
      }
      await using used = await sandboxes.use(id, signal);
      return await used.client.exec(request(command), signal);
    },
  };
}

const mostKept = ({ capabilities: { pause: most } }: Driver): PauseKind => (most === 'memory' ? 'memory' : 'files');

function refuseUnkept({ name, capabilities: { pause: most } }: Driver, keeps: PauseKind): void {
  if (most === 'memory' || most === keeps) return;
  const what =
    most === 'files'
      ? 'cannot freeze processes, so a pause keeps only the files. Pause with keeps: files'
      : 'loses the files of a sandbox that ends, so nothing can be paused. On Kubernetes, CORRAL_KUBERNETES_WORKSPACE=volume keeps them';
  throw new AppError('unsupported', `The driver ${name} ${what}.`);
}

function request({ command, cwd, timeoutMs, login, merge }: ExecCommand) {
  const streams = merge ? '2>&1' : '';
  return {
    command: login ? `exec ${toLoginShellCommand(command)} ${streams}` : merge ? `exec 2>&1\n${command}` : command,
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

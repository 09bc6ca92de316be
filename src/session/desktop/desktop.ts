import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Capabilities } from '../../../drivers/driver.ts';
import { deadline } from '../../core/cancel.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import type { IdSource, SessionId } from '../../core/ids.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { DesktopStatus, SandboxClient } from '../../sandbox/client.ts';
import type { DesktopEnd, DesktopService, DesktopView, DesktopViewer } from '../api/desktop.ts';
import type { DesktopReports } from '../engine/sandbox/desktop-reports.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import type { Watchers } from '../engine/watchers.ts';
import type { DesktopScreen } from './screen.ts';
import type { DesktopScreens } from './screens.ts';

export interface DesktopDeps {
  readonly sandboxes: Pick<SandboxAccess, 'use' | 'look'>;
  readonly commands: Pick<SessionCommands, 'change'>;
  readonly reports: Pick<DesktopReports, 'saw'>;
  readonly screens: DesktopScreens;
  readonly capabilities: Pick<Capabilities, 'desktop'>;
  readonly watchers: Pick<Watchers, 'endOf'>;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<Pick<SessionRecord, 'sandboxState'>>;
}
const startMs = 60_000;
const lookMs = 2_000;
const absent = { browser: 'stopped', width: 0, height: 0 } as const;

/** The desktops of sandboxes, for the people who watch and control them. */
export function desktopService(deps: DesktopDeps): DesktopService {
  const { sandboxes, commands, reports, screens, capabilities, watchers, clock, ids, known } = deps;

  async function usable(id: SessionId): Promise<void> {
    await known(id);
    if (!capabilities.desktop) throw without();
    if ((await commands.change(id, {})).sandboxHeld) {
      throw new AppError('sandbox_not_found', 'VNC is not available: the sandbox is stopped.');
    }
  }

  /** The client of a running sandbox; undefined, without starting one, when none runs. */
  async function running(id: SessionId): Promise<SandboxClient | undefined> {
    const { sandboxState } = await known(id);
    if (!capabilities.desktop || sandboxState !== 'running') return undefined;
    await commands.change(id, {}); // after a server restart, this determines whether the sandbox still runs
    using until = deadline(lookMs, clock);
    return await sandboxes.look(id, until.signal);
  }

  const view = (id: SessionId, status: Pick<DesktopStatus, 'state' | 'browser' | 'width' | 'height'>): DesktopView => {
    const { state, browser, width, height } = status;
    const screen = screens.get(id);
    return { state, browser, width, height, viewers: screen?.viewers ?? 0, controller: screen?.lease.driver ?? null };
  };

  async function status(id: SessionId): Promise<DesktopView> {
    using held = screens.hold(id);
    await held.screen.shared?.look();
    const client = await running(id);
    if (!client) return view(id, { state: capabilities.desktop ? 'stopped' : 'unsupported', ...absent });
    using until = deadline(lookMs, clock);
    return view(id, await client.desktop.status(until.signal));
  }

  async function tell(id: SessionId, client: SandboxClient): Promise<void> {
    using until = deadline(lookMs, clock);
    const now = await client.desktop.status(until.signal).catch(() => undefined);
    if (now) reports.saw(id, now); // else the next heartbeat has it
  }

  /** Finds out why a stream ended on its own. Asks the sandbox first, if it still exists. */
  async function causeOf(id: SessionId, screen: DesktopScreen, client: SandboxClient): Promise<DesktopEnd> {
    if (screen.isStopped) return 'stopped';
    using until = deadline(lookMs, clock);
    try {
      const now = await client.desktop.status(until.signal);
      if (screen.isStopped) return 'stopped';
      reports.saw(id, now);
      return 'restarted';
    } catch {
      return await known(id).then(
        () => 'sandbox_gone' as const,
        () => 'session_deleted' as const, // a deletion removes the sandbox before the session
      );
    }
  }

  async function watch(
    id: SessionId,
    request: Parameters<DesktopService['watch']>[1],
    signal: AbortSignal,
  ): Promise<DesktopViewer> {
    await usable(id);
    await using stack = new AsyncDisposableStack();
    const { screen } = stack.use(screens.hold(id));
    using _coming = screen.admit();
    const end = stack.use(watchers.endOf(id));
    using until = deadline(startMs, clock, AbortSignal.any([signal, end.signal]));
    const { client } = stack.use(await sandboxes.use(id, until.signal));
    const stream = stack.adopt(await client.desktop.vnc(until.signal).catch(absence), (it) => void it.destroy());
    stream.on('error', () => {}); // `close` follows
    // The log hears of the desktop, but the viewer does not wait for it.
    void tell(id, client);
    screen.isStopped = false;
    await screen.shared?.look();
    if (screen.shared) stack.use(screen.shared.watch());
    const { id: viewer } = stack.use(screen.seat(request.viewerId ?? ids.short(), request));
    const deleted = () => stream.destroy();
    end.signal.addEventListener('abort', deleted, { once: true });
    stack.defer(() => end.signal.removeEventListener('abort', deleted));
    let hasLeft = false;
    const ended = closed(stream).then((): DesktopEnd | Promise<DesktopEnd> => {
      if (end.signal.aborted) return 'session_deleted';
      return hasLeft ? 'left' : causeOf(id, screen, client);
    });
    const held = stack.move();
    return {
      id: viewer,
      stream,
      ended,
      get driver() {
        return screen.lease.driver;
      },
      uses(what) {
        if (!request.mayControl) return false;
        if (what === 'press' && screen.lease.driver === undefined) screen.lease.take(viewer);
        return screen.lease.uses(viewer);
      },
      take() {
        if (request.mayControl) screen.lease.take(viewer);
        return request.mayControl;
      },
      giveBack: () => screen.lease.giveBack(viewer, 'given back'),
      [Symbol.asyncDispose]: () => {
        hasLeft = true;
        return held.disposeAsync();
      },
    };
  }

  return {
    status,
    watch,
    async start(id, signal) {
      await usable(id);
      using held = screens.hold(id);
      using until = deadline(startMs, clock, signal);
      await using used = await sandboxes.use(id, until.signal);
      const before = await used.client.desktop.status(until.signal);
      if (before.state === 'unsupported') throw without();
      const now = await used.client.desktop.start(until.signal);
      reports.saw(id, now);
      held.screen.isStopped = false;
      return view(id, now);
    },
    async screenshot(id, signal) {
      const client = await running(id);
      using until = deadline(startMs, clock, signal);
      const state = client ? (await client.desktop.status(until.signal)).state : (await status(id)).state;
      if (state === 'unsupported') throw without();
      if (!client || state !== 'running') throw new AppError('sandbox_not_found', 'The desktop does not run.');
      return await client.desktop.screenshot(until.signal);
    },
    async stop(id, signal) {
      const client = await running(id);
      if (!client) return await status(id);
      using held = screens.hold(id);
      const { screen } = held;
      using until = deadline(startMs, clock, signal);
      screen.isStopped = true;
      await client.desktop.stop(until.signal).catch((thrown: unknown) => {
        screen.isStopped = false;
        throw thrown;
      });
      reports.saw(id, await client.desktop.status(until.signal));
      return await status(id);
    },
    async takeControl(id, viewerId) {
      await known(id);
      using held = screens.hold(id);
      held.screen.take(viewerId);
      return await status(id);
    },
    async giveControl(id, viewerId) {
      await known(id);
      using held = screens.hold(id);
      await held.screen.giveBack(viewerId);
      return await status(id);
    },
    gate: screens.gate,
  };
}

const without = () => new AppError('unsupported', 'VNC is not available');
function absence(thrown: unknown): never {
  throw toAppError(thrown).code === 'unsupported' ? without() : thrown;
}

async function closed(stream: Duplex): Promise<void> {
  stream.once('end', () => stream.destroy()); // nothing more can come of a screen that ended
  if (!stream.closed) await once(stream, 'close').catch(() => {});
}

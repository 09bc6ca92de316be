import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { combineSignals, createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { IdSource, SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { DesktopStatus, SandboxClient } from '../../sandboxes/client/client.ts';
import type {
  DesktopAvailability,
  DesktopService,
  DesktopStreamEndReason,
  DesktopView,
  DesktopViewer,
} from '../api/desktop.ts';
import type { SandboxService } from '../api/sandboxes.ts';
import type { DesktopStatusRecorder } from '../engine/sandbox/disk-reports.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { SessionCommands } from '../engine/session-commands.ts';
import type { SessionStreamRegistry } from '../engine/watchers.ts';
import type { DesktopHubRegistry, DesktopViewerHub } from './screen.ts';

export function describeMissingDesktop({ state, detail = '', seconds = 0 }: DesktopAvailability): string {
  switch (state) {
    case 'none':
      return detail;
    case 'building':
      return `The image with the desktop is being built (for ${seconds} s${detail && `, ${detail}`}). New sandboxes will have a desktop once it is ready.`;
    case 'failed':
      return `The image with the desktop could not be built. The server will try again. ${detail}`;
    case 'ready':
      return 'This sandbox is older than the image with the desktop. A person can add the desktop with the command `corral desktop --add`, or the procedure desktop.add.';
  }
}

export interface DesktopDeps {
  readonly sandboxes: Pick<SandboxAccess, 'use' | 'look'>;
  readonly commands: Pick<SessionCommands, 'change'>;
  readonly reports: Pick<DesktopStatusRecorder, 'saw'>;
  readonly screens: DesktopHubRegistry;
  readonly offerFor: (session: SessionRecord) => DesktopAvailability;
  readonly power: Pick<SandboxService, 'stop' | 'start'>;
  readonly isAtWork: (id: SessionId) => Promise<boolean>;
  readonly watchers: Pick<SessionStreamRegistry, 'endOf'>;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<SessionRecord>;
}
const startMs = 60_000;
const lookMs = 2_000;
const absent = { browser: 'stopped', width: 0, height: 0 } as const;

export function createDesktopService(deps: DesktopDeps): DesktopService {
  const { sandboxes, commands, reports, screens, offerFor, watchers, clock, ids, known } = deps;

  async function usable(id: SessionId): Promise<DesktopAvailability> {
    const offer = offerFor(await known(id));
    if (offer.state === 'none') throw without(offer);
    if ((await commands.change(id, {})).sandboxHeld) {
      throw new AppError('sandbox_not_found', 'VNC is not available: the sandbox is stopped.');
    }
    return offer;
  }

  /** Undefined: no running sandbox, or no desktop. Does not start a sandbox. */
  async function running(id: SessionId): Promise<SandboxClient | undefined> {
    const session = await known(id);
    if (offerFor(session).state === 'none' || session.sandboxState !== 'running') return undefined;
    await commands.change(id, {}); // after a server restart, makes the server check that the sandbox is still running
    using until = createTimeoutSignal(lookMs, clock);
    return await sandboxes.look(id, until.signal);
  }

  async function view(
    id: SessionId,
    status: Pick<DesktopStatus, 'state' | 'browser' | 'width' | 'height'>,
  ): Promise<DesktopView> {
    const offer = offerFor(await known(id));
    const { state, browser, width, height } = status;
    const { viewers = 0, lease } = screens.get(id) ?? {};
    return { state, browser, width, height, viewers, controller: lease?.driver ?? null, offer };
  }

  async function status(id: SessionId): Promise<DesktopView> {
    using held = screens.hold(id);
    await held.screen.shared?.look();
    const client = await running(id);
    const isComing = offerFor(await known(id)).state === 'ready';
    if (!client) return await view(id, { state: isComing ? 'stopped' : 'unsupported', ...absent });
    using until = createTimeoutSignal(lookMs, clock);
    return await view(id, await client.desktop.status(until.signal));
  }

  async function tell(id: SessionId, client: SandboxClient): Promise<void> {
    using until = createTimeoutSignal(lookMs, clock);
    const now = await client.desktop.status(until.signal).catch(() => undefined);
    if (now) reports.saw(id, now); // without a response, the next heartbeat reports the status
  }

  /** If the sandbox responds after a desktop stream ends, the desktop was restarted. */
  async function findCause(
    id: SessionId,
    screen: DesktopViewerHub,
    client: SandboxClient,
  ): Promise<DesktopStreamEndReason> {
    if (screen.isStopped) return 'stopped';
    using until = createTimeoutSignal(lookMs, clock);
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
    const offer = await usable(id);
    await using stack = new AsyncDisposableStack();
    const { screen } = stack.use(screens.hold(id));
    using _coming = screen.admit();
    const end = stack.use(watchers.endOf(id));
    using until = createTimeoutSignal(startMs, clock, combineSignals([signal, end.signal]));
    const { client } = stack.use(await sandboxes.use(id, until.signal));
    const stream = stack.adopt(await client.desktop.vnc(until.signal).catch(absence(offer)), (it) => void it.destroy());
    stream.on('error', () => {}); // a `close` event follows
    screen.follow(tell(id, client)); // not awaited, to avoid delaying the viewer
    screen.isStopped = false;
    await screen.shared?.look();
    if (screen.shared) stack.use(screen.shared.watch());
    const { id: viewer } = stack.use(screen.seat(request, ids.short()));
    const deleted = () => stream.destroy();
    end.signal.addEventListener('abort', deleted, { once: true });
    stack.defer(() => end.signal.removeEventListener('abort', deleted));
    let hasLeft = false;
    const ended = closed(stream).then((): DesktopStreamEndReason | Promise<DesktopStreamEndReason> => {
      if (end.signal.aborted) return 'session_deleted';
      return hasLeft ? 'left' : findCause(id, screen, client);
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
      async type(keysyms) {
        using patience = createTimeoutSignal(startMs, clock, signal);
        await client.desktop.act({ kind: 'keysyms', keysyms }, patience.signal);
      },
      take() {
        if (request.mayControl) screen.lease.take(viewer);
        return request.mayControl;
      },
      giveBack: () => screen.lease.giveBack(viewer, 'returned'),
      [Symbol.asyncDispose]: () => {
        hasLeft = true;
        return held.disposeAsync();
      },
    };
  }

  async function start(id: SessionId, signal: AbortSignal): Promise<DesktopView> {
    const offer = await usable(id);
    using held = screens.hold(id);
    using until = createTimeoutSignal(startMs, clock, signal);
    await using used = await sandboxes.use(id, until.signal);
    const before = await used.client.desktop.status(until.signal);
    if (before.state === 'unsupported') throw without(offer);
    const now = await used.client.desktop.start(until.signal);
    reports.saw(id, now);
    held.screen.isStopped = false;
    return await view(id, now);
  }

  return {
    status,
    watch,
    start,
    async add(id, signal) {
      const offer = offerFor(await known(id));
      const { state } = await status(id);
      if (state === 'unsupported') {
        if (offer.state !== 'ready') throw without(offer);
        if (await deps.isAtWork(id)) throw atWork();
        await deps.power.stop(id);
      }
      if (state === 'unsupported' || state === 'stopped') await deps.power.start(id, signal);
      return await start(id, signal);
    },
    async screenshot(id, signal) {
      const client = await running(id);
      using until = createTimeoutSignal(startMs, clock, signal);
      const { state } = client ? await client.desktop.status(until.signal) : await status(id);
      if (state === 'unsupported') throw without(offerFor(await known(id)));
      if (!client || state !== 'running') throw new AppError('sandbox_not_found', 'The desktop is not running.');
      return await client.desktop.screenshot(until.signal);
    },
    async stop(id, signal) {
      const client = await running(id);
      if (!client) return await status(id);
      using held = screens.hold(id);
      const { screen } = held;
      using until = createTimeoutSignal(startMs, clock, signal);
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

const absence = (offer: DesktopAvailability) => (thrown: unknown) => {
  throw toAppError(thrown).code === 'unsupported' ? without(offer) : thrown;
};

function without(offer: DesktopAvailability): AppError {
  // Without desktop support, the SheikhBox API's VNC socket requires exactly "VNC is not available".
  const advice = offer.state === 'none' ? '' : describeMissingDesktop(offer);
  return new AppError('unsupported', `VNC is not available${advice && `. ${advice}`}`);
}

const atWork = () =>
  new AppError('conflict', 'The agent is working, and its sandbox would restart. Stop the run, or wait until it ends.');

async function closed(stream: Duplex): Promise<void> {
  stream.once('end', () => stream.destroy()); // avoids a half-open stream
  if (!stream.closed) await once(stream, 'close').catch(() => {});
}

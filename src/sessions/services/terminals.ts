import { z } from 'zod';
import { combineSignals, createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { TerminalClient } from '../../sandboxes/client/client.ts';
import type { TerminalConnection, TerminalInfo, TerminalService } from '../api/terminals.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { Supervisor } from '../engine/supervisor.ts';
import type { SessionStreamRegistry } from '../engine/watchers.ts';
import { BackpressureStream } from './streams/piped-command.ts';
import { forwardTerminalOutput, TerminalInputWriter } from './streams/terminal-stream.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'ids' | 'records'> {
  readonly sandboxes: Pick<SandboxAccess, 'use' | 'look'>;
  readonly supervisor: Pick<Supervisor, 'reach' | 'hasSandbox'>;
  readonly watchers: Pick<SessionStreamRegistry, 'endOf'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}
const kind = 'terminal'; // ids are `<session>:<terminal>`, so that a session's terminals are deleted with it
const Stored = z.object({ created: z.number() });
const lookMs = 5_000;

/** After a restart, the server finds users' terminals in the records. */
export function createTerminalService(deps: Deps): TerminalService {
  const { sandboxes, supervisor, records, watchers, clock, ids, known } = deps;
  const keyOf = ({ id, sessionId }: Pick<TerminalInfo, 'id' | 'sessionId'>) => `${sessionId}:${id}`;
  const forget = (info: TerminalInfo) => records.delete(kind, keyOf(info));

  async function noted(idPrefix = ''): Promise<TerminalInfo[]> {
    const stored = await records.list(kind, { idPrefix });
    return stored.map(({ id: key, doc }) => {
      const [session, id = ''] = key.split(':');
      return { id, sessionId: SessionId.parse(session), created: Stored.parse(doc).created };
    });
  }

  /** Deletes the records of ended terminals, unless this server cannot inspect the sandbox. */
  async function alive(id: SessionId): Promise<TerminalInfo[]> {
    const all = await noted(`${id}:`);
    if (all.length === 0) return [];
    using until = createTimeoutSignal(lookMs, clock);
    // Reaching the session also determines whether its sandbox is running.
    const isOurs = await supervisor.reach(id).then(() => true, unlessElsewhere);
    const client = await sandboxes.look(id, until.signal);
    if (!client && (!isOurs || supervisor.hasSandbox(id))) return all;
    const open = new Set((await client?.terminals.list(until.signal))?.map((it) => it.id));
    for (const info of all) if (!open.has(info.id)) await forget(info);
    return all.filter((info) => open.has(info.id));
  }

  async function notedAs(terminalId: string): Promise<TerminalInfo> {
    const info = (await noted()).find(({ id }) => id === terminalId);
    if (!info) throw noTerminal();
    return info;
  }

  async function get(terminalId: string): Promise<TerminalInfo> {
    const info = await notedAs(terminalId);
    const found = (await alive(info.sessionId).catch(unlessDeleted)).find(({ id }) => id === terminalId);
    if (!found) throw noTerminal();
    return found;
  }

  /** Called for each key press. The daemon rejects input to an ended terminal. */
  async function typing(
    terminalId: string,
    signal: AbortSignal,
    act: (terminals: TerminalClient, id: string) => Promise<void>,
  ): Promise<void> {
    const { id, sessionId } = await notedAs(terminalId);
    await using used = await sandboxes.use(sessionId, signal);
    await act(used.client.terminals, id);
  }

  async function connect(terminalId: string, signal: AbortSignal): Promise<TerminalConnection> {
    const info = await get(terminalId);
    const { id, sessionId } = info;
    await using stack = new AsyncDisposableStack();
    const end = stack.use(watchers.endOf(sessionId));
    const { client } = stack.use(await sandboxes.use(sessionId, signal));
    const leave = new AbortController();
    const output = stack.adopt(new BackpressureStream(), (it) => void it.destroy());
    const until = combineSignals([leave.signal, end.signal]);
    const { ended } = await forwardTerminalOutput(client.terminals, id, { output, signal: until });
    const input = new TerminalInputWriter(client.terminals, id, until);
    const held = stack.move();

    const why = async (): Promise<Awaited<TerminalConnection['ended']>> => {
      try {
        const reason = await ended;
        if (reason !== 'replaced') await forget(info);
        return reason;
      } catch {
        if (end.signal.aborted) return 'session_deleted';
        return await known(sessionId).then(
          () => 'exited' as const,
          () => 'session_deleted' as const,
        );
      }
    };
    const over = why().finally(() => output.push(null));
    return {
      output,
      write: (data) => input.write(data),
      resize: (cols, rows) => input.resize({ cols, rows }),
      ended: over,
      async [Symbol.asyncDispose]() {
        leave.abort();
        await over.catch(() => {});
        await held.disposeAsync();
      },
    };
  }

  return {
    async open(sessionId, signal) {
      await known(sessionId);
      await using used = await sandboxes.use(sessionId, signal);
      const info = { id: `shell_${ids.short().slice(0, 8)}`, sessionId, created: clock.now() };
      await records.put({ kind, id: keyOf(info), doc: { created: info.created }, sort: info.created });
      try {
        await used.client.terminals.open(info.id, signal);
      } catch (thrown) {
        await forget(info);
        throw thrown;
      }
      return info;
    },
    async list(id) {
      await known(id);
      return (await alive(id)).sort((a, b) => a.created - b.created);
    },
    get,
    async close(terminalId) {
      const info = await get(terminalId);
      using until = createTimeoutSignal(30_000, clock);
      await using used = await sandboxes.use(info.sessionId, until.signal);
      await used.client.terminals.close(info.id, until.signal).catch(unlessGone);
      await forget(info);
    },
    write: (terminalId, text, signal) => typing(terminalId, signal, ({ write }, id) => write(id, text, signal)),
    resize: (terminalId, size, signal) => typing(terminalId, signal, ({ resize }, id) => resize(id, size, signal)),
    async typeIntoShell(id, shellId, text, signal) {
      await known(id);
      const client = await sandboxes.look(id, signal);
      if (!client)
        throw new AppError('sandbox_not_found', 'The sandbox is not running, so no command waits for input.');
      await client.write(shellId, text, signal);
    },
    connect,
  };
}

const noTerminal = () => new AppError('shell_not_found', 'There is no such terminal.');
function unlessDeleted(thrown: unknown): TerminalInfo[] {
  if (toAppError(thrown).code === 'session_not_found') return [];
  throw thrown;
}
function unlessElsewhere(thrown: unknown): false {
  if (toAppError(thrown).code === 'fenced') return false;
  throw thrown;
}
function unlessGone(thrown: unknown): void {
  if (toAppError(thrown).code !== 'shell_not_found') throw thrown;
}

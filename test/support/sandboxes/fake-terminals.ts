import { PassThrough } from 'node:stream';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import type { SessionService } from '../../../src/sessions/api/sessions.ts';
import type { TerminalConnection, TerminalInfo, TerminalService } from '../../../src/sessions/api/terminals.ts';

type TerminalEnd = Awaited<TerminalConnection['ended']>;
interface OpenTerminal {
  readonly info: TerminalInfo;
  line: { readonly output: PassThrough; readonly end: (how: TerminalEnd) => void } | undefined;
}

/** Terminals that echo their input and record their sizes. */
export function fakeTerminals(sessions: Pick<SessionService, 'get'>, clock: Clock) {
  const all = new Map<string, OpenTerminal>();
  const sizes: string[] = [];
  const find = (id: string): OpenTerminal => {
    const found = all.get(id);
    if (!found) throw new AppError('shell_not_found', 'There is no such terminal.');
    return found;
  };
  /** Ends a terminal as the shell's exit or the session's end would. */
  const end = (id: string, how: TerminalEnd) => {
    const { line } = find(id);
    if (how !== 'replaced') all.delete(id);
    line?.end(how);
  };
  const service: TerminalService = {
    async open(sessionId: SessionId) {
      await sessions.get(sessionId);
      const info = { id: `shell_0000000${all.size.toString(16)}`, sessionId, created: clock.now() };
      all.set(info.id, { info, line: undefined });
      return info;
    },
    async list(id) {
      await sessions.get(id);
      return [...all.values()].map(({ info }) => info).filter(({ sessionId }) => sessionId === id);
    },
    get: async (id) => find(id).info,
    close: async (id) => end(id, 'deleted'),
    write: async (id, text) => void find(id).line?.output.write(text),
    resize: async (_id, { cols, rows }) => void sizes.push(`${cols}x${rows}`),
    typeIntoShell: async () => {},
    async connect(id, signal) {
      const terminal = find(id);
      terminal.line?.end('replaced');
      const output = new PassThrough();
      const { promise: ended, resolve } = Promise.withResolvers<TerminalEnd>();
      const finish = (how: TerminalEnd) => {
        resolve(how);
        output.end();
      };
      terminal.line = { output, end: finish };
      signal.addEventListener('abort', () => output.destroy(), { once: true });
      return {
        output,
        ended,
        write: (data) => void output.write(data),
        resize: (cols, rows) => void sizes.push(`${cols}x${rows}`),
        [Symbol.asyncDispose]: async () => void output.destroy(),
      };
    },
  };
  return { service, sizes, end, print: (id: string, bytes: Uint8Array) => find(id).line?.output.write(bytes) };
}

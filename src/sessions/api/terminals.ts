import type { Readable } from 'node:stream';
import type { SessionId } from '../../core/model/ids.ts';
import type { TerminalSize } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

/** A user's PTY: `bash -i`, initially 80×24. Not in the event log. */
export interface TerminalInfo {
  readonly id: string; // shell_<8 hex>
  readonly sessionId: SessionId;
  readonly created: number; // epoch ms
}
/** Disposing closes the connection but not the shell. */
export interface TerminalConnection extends AsyncDisposable {
  /** Ends when `ended` resolves. */
  readonly output: Readable;
  /** Sends input in order. Drops input once the terminal has ended. */
  write(data: string): void;
  /** `cols` and `rows` are 1–1000. */
  resize(cols: number, rows: number): void;
  /** `replaced`: a newer connection took over. */
  readonly ended: Promise<'exited' | 'deleted' | 'replaced' | 'session_deleted'>;
}
/** Methods that take a terminal or shell id reject with shell_not_found for an unknown id. */
export interface TerminalService {
  /** Starts the sandbox if needed. Rejects with conflict if the session has 16 terminals. */
  open(id: SessionId, signal: AbortSignal): Promise<TerminalInfo>;
  /** Oldest first. Does not start a sandbox or delay its idle stop. */
  list(id: SessionId): Promise<readonly TerminalInfo[]>;
  get(terminalId: string): Promise<TerminalInfo>;
  /** Ends the shell and its processes. */
  close(terminalId: string): Promise<void>;
  /** Needs no connection. Rejects: conflict (1 MiB of input is unread). */
  write(terminalId: string, text: string, signal: AbortSignal): Promise<void>;
  /** `cols` and `rows` are 1–1000. */
  resize(terminalId: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  /**
   * Types into an agent's shell; the agent sees only the command's output. Rejects: sandbox_not_found (not running),
   * conflict (no command is running).
   */
  typeIntoShell(id: SessionId, shellId: string, text: string, signal: AbortSignal): Promise<void>;
  /** Replaces the terminal's previous connection. Starts the sandbox if needed. */
  connect(terminalId: string, signal: AbortSignal): Promise<TerminalConnection>;
}

export const terminalRules: ServiceRules<TerminalService> = {
  open: { may: 'work', audit: 'terminal.open' },
  list: { may: 'read', audit: null },
  get: { may: 'guarded', audit: null },
  close: { may: 'guarded', audit: 'terminal.close' },
  write: { may: 'guarded', audit: null },
  resize: { may: 'guarded', audit: null },
  typeIntoShell: { may: 'work', audit: 'terminal.type' },
  connect: { may: 'guarded', audit: 'terminal.connect' },
};

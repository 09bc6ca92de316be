import type { Readable } from 'node:stream';
import type { SessionId } from '../../core/model/ids.ts';
import type { TerminalSize } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

/** A person's own PTY (`bash -i`, 80×24 at first), separate from the agent's shells. The event log records none of it. */
export interface TerminalInfo {
  readonly id: string; // shell_<8 hex>
  readonly sessionId: SessionId;
  readonly created: number; // epoch ms
}
/** One connection to a terminal. Disposing closes the connection; the shell stays. */
export interface TerminalLine extends AsyncDisposable {
  /** Ends when `ended` resolves. */
  readonly output: Readable;
  /** Sends input, in order; dropped once the terminal has ended. */
  write(data: string): void;
  /** `cols` and `rows` are 1–1000. */
  resize(cols: number, rows: number): void;
  /**
   * Resolves when the shell exits (`exited`), is deleted with or without its session, or a newer connection replaces this
   * one.
   */
  readonly ended: Promise<'exited' | 'deleted' | 'replaced' | 'session_deleted'>;
}
/** The terminals of people. Each method rejects with shell_not_found for an unknown terminal. */
export interface TerminalService {
  /** Starts the sandbox if it is not running. Rejects: conflict (the session has 16 terminals already). */
  open(id: SessionId, signal: AbortSignal): Promise<TerminalInfo>;
  /** Oldest first. Neither starts a sandbox nor delays its idle stop. */
  list(id: SessionId): Promise<readonly TerminalInfo[]>;
  get(terminalId: string): Promise<TerminalInfo>;
  /** Ends the shell and its processes. */
  close(terminalId: string): Promise<void>;
  /** Sends input, for a caller without a connection. Rejects: conflict (1 MiB is unread). */
  write(terminalId: string, text: string, signal: AbortSignal): Promise<void>;
  /** `cols` and `rows` are 1–1000. */
  resize(terminalId: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  /**
   * Types into a shell of the agent, where a command runs; the agent sees the command's output, not who typed. Rejects:
   * sandbox_not_found (it does not run), conflict (nothing runs in the shell).
   */
  typeIntoShell(id: SessionId, shellId: string, text: string, signal: AbortSignal): Promise<void>;
  /** A terminal has one connection: a new one replaces the old one. Starts the sandbox if it is not running. */
  connect(terminalId: string, signal: AbortSignal): Promise<TerminalLine>;
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

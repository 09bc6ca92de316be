import type { Readable } from 'node:stream';
import type { SessionId } from '../../core/model/ids.ts';
import type { TerminalSize } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

/** A person's own PTY (`bash -i`, initially 80×24), separate from the agent's shells. The event log does not record it. */
export interface TerminalInfo {
  readonly id: string; // shell_<8 hex>
  readonly sessionId: SessionId;
  readonly created: number; // epoch ms
}
/** A connection to a terminal. Disposing closes the connection; the shell keeps running. */
export interface TerminalConnection extends AsyncDisposable {
  /** Ends when `ended` resolves. */
  readonly output: Readable;
  /** Sends input, in order. Input is dropped once the terminal has ended. */
  write(data: string): void;
  /** `cols` and `rows` are 1–1000. */
  resize(cols: number, rows: number): void;
  /** Resolves when the shell exits, the terminal or its session is deleted, or a newer connection replaces this one. */
  readonly ended: Promise<'exited' | 'deleted' | 'replaced' | 'session_deleted'>;
}
/** Every method that takes the id of a terminal or shell rejects with shell_not_found if the terminal or shell does not exist. */
export interface TerminalService {
  /** Starts the sandbox if it is not running. Rejects: conflict (the session has 16 terminals already). */
  open(id: SessionId, signal: AbortSignal): Promise<TerminalInfo>;
  /** Oldest first. Neither starts a sandbox nor delays its idle stop. */
  list(id: SessionId): Promise<readonly TerminalInfo[]>;
  get(terminalId: string): Promise<TerminalInfo>;
  /** Ends the shell and its processes. */
  close(terminalId: string): Promise<void>;
  /** Sends input without a connection. Rejects: conflict (1 MiB of input is unread). */
  write(terminalId: string, text: string, signal: AbortSignal): Promise<void>;
  /** `cols` and `rows` are 1–1000. */
  resize(terminalId: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  /**
   * Types into an agent's shell while a command runs. The agent sees the command's output, but not who typed. Rejects:
   * sandbox_not_found (not running), conflict (no command runs in the shell).
   */
  typeIntoShell(id: SessionId, shellId: string, text: string, signal: AbortSignal): Promise<void>;
  /** Connects to a terminal, replacing its previous connection. Starts the sandbox if it is not running. */
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

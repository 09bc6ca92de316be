import type { Event } from '../../../client/types.ts';

// The agent's shells, as its log tells of them: each command with its output, so that they can also be watched when
// their sandbox is gone, and in a replay.

export interface AgentShell {
  readonly id: string;
  /** Everything that a terminal of the shell has shown. It only grows. */
  readonly text: string;
  /** The call whose command runs now. */
  readonly running: string | undefined;
}
const maxText = 1_000_000;

/** Reads a log event by event. */
export class AgentShells {
  readonly #shells = new Map<string, { text: string; running: string | undefined }>();
  readonly #calls = new Map<string, { shell: string; shown: boolean }>();

  /** Whether the event belongs to a shell. */
  take(event: Event): boolean {
    if (event.type === 'tool.calling') {
      const { callId, args } = event.data;
      const { id, command } = args;
      if (event.data.tool !== 'shell' || typeof id !== 'string' || typeof command !== 'string') return false;
      this.#calls.set(callId, { shell: id, shown: false });
      this.#print(id, `\x1b[1;32m$\x1b[0m ${command.replaceAll('\n', '\r\n')}\r\n`);
      this.#of(id).running = callId;
      return true;
    }
    if (event.type === 'tool.output') {
      const call = this.#calls.get(event.data.callId);
      if (!call) return false;
      call.shown = true;
      this.#print(call.shell, event.data.text);
      return true;
    }
    if (event.type !== 'tool.called') return false;
    const { callId, output, exitCode, reason } = event.data;
    const call = this.#calls.get(callId);
    if (!call) return false;
    this.#calls.delete(callId);
    const shell = this.#of(call.shell);
    // The log can have dropped the pieces; the result has their text.
    if (!call.shown) this.#print(call.shell, output);
    if (!shell.text.endsWith('\n')) this.#print(call.shell, '\r\n');
    const ended = reason ?? (exitCode ? `exit ${exitCode}` : undefined);
    if (ended !== undefined) this.#print(call.shell, `\x1b[31m[${ended}]\x1b[0m\r\n`);
    if (shell.running === callId) shell.running = undefined;
    return true;
  }

  list(): AgentShell[] {
    return [...this.#shells].map(([id, { text, running }]) => ({ id, text, running }));
  }

  #of(id: string) {
    const known = this.#shells.get(id) ?? { text: '', running: undefined };
    this.#shells.set(id, known);
    return known;
  }

  #print(id: string, text: string): void {
    const shell = this.#of(id);
    shell.text += text;
    if (shell.text.length > 2 * maxText) shell.text = shell.text.slice(-maxText);
  }
}

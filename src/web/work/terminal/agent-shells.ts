import type { Event } from '../../../client/types.ts';

// The agent's shells, reconstructed from the session's log for replays and lost sandboxes.

export interface AgentShell {
  readonly id: string;
  /** Terminal text. Beyond 2 million characters, only the last million are kept. */
  readonly text: string;
  readonly running: string | undefined;
  /** True if the command is waiting for input and is still running after its call has ended. */
  readonly waits: boolean;
}
interface Shell {
  text: string;
  running: string | undefined;
  waits: boolean;
  /** The part of the newest command's output that `text` already contains. */
  printed: string;
}
const maxText = 1_000_000;

export class AgentShellTracker {
  readonly #shells = new Map<string, Shell>();
  readonly #calls = new Map<string, { shell: string; shown: boolean }>();

  take(event: Event): boolean {
    if (event.type === 'tool.calling') {
      const { callId, args } = event.data;
      const { id, command } = args;
      if (event.data.tool !== 'shell' || typeof id !== 'string' || typeof command !== 'string') return false;
      this.#calls.set(callId, { shell: id, shown: false });
      this.#print(id, `\x1b[1;32m$\x1b[0m ${command.replaceAll('\n', '\r\n')}\r\n`);
      Object.assign(this.#of(id), { running: callId, waits: false, printed: '' });
      return true;
    }
    if (event.type === 'tool.output') {
      const call = this.#calls.get(event.data.callId);
      if (!call) return false;
      call.shown = true;
      this.#printOutput(call.shell, event.data.text);
      return true;
    }
    if (event.type !== 'tool.called') return false;
    const { callId, args, output, exitCode, reason, content } = event.data;
    const console = content && 'console' in content ? content : undefined;
    const call = this.#calls.get(callId);
    if (!call) {
      if (!console || typeof args.id !== 'string' || !this.#shells.get(args.id)?.waits) return false;
      this.show(args.id, { output: console.console.at(-1)?.output ?? '', isRunning: console.running === true });
      return true;
    }
    this.#calls.delete(callId);
    const shell = this.#of(call.shell);
    if (console?.running) {
      shell.waits = true;
      this.show(call.shell, { output: console.console.at(-1)?.output ?? '', isRunning: true });
      return true;
    }
    // Prints the result's whole output if the log has lost the streamed pieces.
    if (!call.shown) this.#print(call.shell, output);
    if (!shell.text.endsWith('\n')) this.#print(call.shell, '\r\n');
    const ended = reason ?? (exitCode ? `exit ${exitCode}` : undefined);
    if (ended !== undefined) this.#print(call.shell, `\x1b[31m[${ended}]\x1b[0m\r\n`);
    if (shell.running === callId) shell.running = undefined;
    return true;
  }

  show(id: string, { output, isRunning }: { readonly output: string; readonly isRunning: boolean }): void {
    const shell = this.#of(id);
    if (!shell.waits) return;
    if (output.startsWith(shell.printed)) this.#printOutput(id, output.slice(shell.printed.length));
    if (isRunning) return;
    Object.assign(shell, { running: undefined, waits: false });
    if (!shell.text.endsWith('\n')) this.#print(id, '\r\n');
  }

  list(): AgentShell[] {
    return [...this.#shells].map(([id, { text, running, waits }]) => ({ id, text, running, waits }));
  }

  #of(id: string) {
    const known = this.#shells.get(id) ?? { text: '', running: undefined, waits: false, printed: '' };
    this.#shells.set(id, known);
    return known;
  }

  #printOutput(id: string, text: string): void {
    this.#of(id).printed += text;
    this.#print(id, text);
  }

  #print(id: string, text: string): void {
    const shell = this.#of(id);
    shell.text += text;
    if (shell.text.length > 2 * maxText) shell.text = shell.text.slice(-maxText);
  }
}

import { type CliCommand, sessionArgument, UsageError } from '../command.ts';
import { type Io, writeWithBackpressure } from '../io.ts';
import { findBox } from '../server.ts';

const detachKeys = '\u0010\u0011'; // Ctrl+P Ctrl+Q, as in Docker

export const attachCommand: CliCommand = {
  name: 'attach',
  args: [sessionArgument],
  about: 'opens a terminal in a sandbox, or reattaches to one that was detached with ctrl-p ctrl-q',
  options: [
    ['--new', 'open another terminal'],
    ['--terminal <id>', 'reattach to this terminal; `corral show` lists them'],
  ],
  examples: ['corral attach last'],
  async run({ args: [word = ''], options, io, corral }) {
    if (!io.stdin.isTTY || !io.stdout.isTTY) {
      throw new UsageError('attach needs a terminal. In a script, use corral exec <session> <command>.');
    }
    const box = await findBox(corral(), word);
    const open = options.flag('new')
      ? []
      : await corral().call((api) => api.terminals.list.query({ sessionId: box.id }));
    const id = options.text('terminal') ?? open.at(-1)?.id;
    const { columns, rows } = io.stdout;
    const size = { cols: clamped(columns), rows: clamped(rows) };
    const onData = (bytes: Uint8Array) => writeWithBackpressure(io.stdout, bytes);
    const terminal = await box.terminal({ ...(id !== undefined && { id }), ...size, onData });
    io.say(
      io.paint(
        'stderr',
        'dim',
        `${id === undefined ? '' : 're'}attached to ${terminal.id} of ${box.id}; ctrl-p ctrl-q detaches`,
      ),
    );
    if (id !== undefined) await terminal.write('\u000c'); // makes the shell redraw its screen
    const failed = Promise.withResolvers?.<never>() ?? withResolvers();
    const send = (work: Promise<void>) => void work.catch(failed.reject);
    const resize = () => send(terminal.resize(clamped(io.stdout.columns), clamped(io.stdout.rows)));
    const typed = typing(
      (text) => send(terminal.write(text)),
      () => terminal.detach(),
    );
    const hangUp = () => terminal.detach();
    io.stdin.setRawMode(true).on('data', typed).resume();
    io.stdout.on('resize', resize);
    io.signal.addEventListener('abort', hangUp, { once: true });
    try {
      const how = await Promise.race([terminal.ended, failed.promise]);
      restore(io);
      if (how === 'detached') io.say(`\ndetached; reattach with: corral attach ${box.id}`);
      if (how === 'replaced') io.say('\nanother program took over this terminal.');
      if (how === 'session_deleted') io.say('\nthe session was deleted.');
      return;
    } finally {
      io.stdin.off('data', typed).pause();
      io.stdout.off('resize', resize);
      restore(io);
    }
  },
};

const restore = ({ stdin }: Io) => void stdin.setRawMode(false);
const clamped = (size: number | undefined) => Math.min(1_000, Math.max(1, size ?? 80));

/** A lone Ctrl+P is held back until the next key. */
function typing(write: (text: string) => void, leave: () => void): (bytes: Buffer) => void {
  const decoder = new TextDecoder();
  let held = '';
  return (bytes) => {
    const text = held + decoder.decode(bytes, { stream: true });
    const at = text.indexOf(detachKeys);
    held = at < 0 && text.endsWith('\u0010') ? '\u0010' : '';
    const rest = at < 0 ? text.slice(0, text.length - held.length) : text.slice(0, at);
    if (rest !== '') write(rest);
    if (at >= 0) leave();
  };
}

/** Node 20 has no Promise.withResolvers. */
function withResolvers() {
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  promise.catch(() => {});
  return { promise, reject };
}

import { createInterface } from 'node:readline/promises';
import type { Corral } from '../../client/index.ts';
import { type CliCommand, UsageError } from '../command.ts';
import { followRun } from '../follow-run.ts';
import type { Io } from '../io.ts';
import { findBox } from '../server.ts';

export const chatCommand: CliCommand = {
  name: 'chat',
  args: [],
  about: 'talks with an agent, message by message; /help lists the commands, ctrl-c stops the run, ctrl-d exits',
  options: [
    ['-s, --session <session>', 'continue this session'],
    ['-l, --list', 'choose the session from a list'],
    ['-m, --model <model>', 'the model of the new session'],
  ],
  examples: ['corral chat', 'corral chat --session last', 'corral chat --list'],
  async run({ options, io, corral }) {
    if (!io.canAsk) throw new UsageError('chat needs a terminal. In a script, use corral run --session <session>.');
    const server = corral();
    const [session, model] = [options.text('session'), options.text('model')];
    const chosen = options.flag('list') ? await pickSession(io, server) : session;
    if (options.flag('list') && chosen === undefined) return;
    const box =
      chosen === undefined
        ? await server.create({ ...(model !== undefined && { model }) })
        : await findBox(server, chosen);
    const { title, status } = await box.session();
    // Set before the first draw: outside raw mode, a terminal translates Enter into a line feed.
    if (io.canDraw) io.stdin.setRawMode(true);
    io.say(io.paint('stderr', 'dim', `session ${box.id}${title ? ` · ${title}` : ''} · ctrl-d leaves`));
    if (status === 'waiting' && !io.canDraw) io.say('The agent waits for your answer.');
    try {
      if (io.canDraw) {
        const { openChatTerminal } = await import('../terminal/open.ts');
        const shown = await openChatTerminal({ io, corral: server, box });
        io.say(io.paint('stderr', 'dim', `Continue with: corral chat --session ${shown.box.id}`));
        return;
      }
      for (;;) {
        const text = await nextMessage(io);
        if (text === undefined) break;
        if (text !== '') await followRun(await box.run(text), io, { json: false, follow: true });
      }
      io.say(io.paint('stderr', 'dim', `Continue with: corral chat --session ${box.id}`));
      return;
    } finally {
      if (io.canDraw) io.stdin.setRawMode(false);
      box.close();
    }
  },
};

async function pickSession(io: Io, server: Corral): Promise<string | undefined> {
  if (!io.canDraw) throw new UsageError('--list needs an interactive terminal. Use corral ls to list sessions.');
  const { chooseSession } = await import('../terminal/open.ts');
  return await chooseSession(io, server);
}

/** Undefined after Ctrl+D or Ctrl+C. */
async function nextMessage(io: Io): Promise<string | undefined> {
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  const closed = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
  const requested = lines.question(io.paint('stderr', 'bold', 'you> ')).then((text) => text.trim());
  requested.catch(() => {}); // rejects if the input closes first
  try {
    return await Promise.race([requested, closed]);
  } finally {
    lines.close();
  }
}

import { createInterface } from 'node:readline/promises';
import type { Box, Corral } from '../../client/index.ts';
import { type CliCommand, UsageError } from '../command.ts';
import { followRun } from '../follow-run.ts';
import type { Io } from '../io.ts';
import { findBox } from '../server.ts';
import { collectEarlyInput } from '../terminal/early-input.ts';

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
    // Set before the first draw: outside raw mode, a terminal translates Enter into a line feed.
    if (io.canDraw) io.stdin.setRawMode(true);
    const takeTyped = io.canDraw ? collectEarlyInput(io.stdin) : undefined;
    io.say(io.paint('stderr', 'dim', `Connecting to ${server.address} · ctrl-d leaves`));
    let box: Box | undefined;
    try {
      const isNew = chosen === undefined;
      box = isNew ? await server.create({ ...(model !== undefined && { model }) }) : await findBox(server, chosen);
      const { title, status } = await box.session();
      io.say(io.paint('stderr', 'dim', `session ${box.id}${title ? ` · ${title}` : ''}`));
      if (status === 'waiting' && !io.canDraw) io.say('The agent waits for your answer.');
      if (io.canDraw) {
        const { openChatTerminal } = await import('../terminal/open.ts');
        const left = await openChatTerminal({ io, corral: server, box, isNew, takeTyped });
        return sayContinue(io, left.box);
      }
      let isUnused = isNew;
      for (;;) {
        const text = await nextMessage(io);
        if (text === undefined) break;
        if (text === '') continue;
        isUnused = false;
        await followRun(await box.run(text), io, { json: false, follow: true });
      }
      if (isUnused) await box.remove();
      sayContinue(io, isUnused ? undefined : box);
    } finally {
      takeTyped?.();
      if (io.canDraw) io.stdin.setRawMode(false);
      box?.close();
    }
  },
};

const sayContinue = (io: Io, box: Box | undefined): void =>
  io.say(
    io.paint(
      'stderr',
      'dim',
      box ? `Continue with: corral chat --session ${box.id}` : 'Nothing was sent, so the session was deleted.',
    ),
  );

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

import { createInterface } from 'node:readline/promises';
import type { CliCommand } from '../command.ts';
import { exitCodes, UsageError } from '../exit-codes.ts';
import { followRun } from '../follow-run.ts';
import { boxOf } from '../server.ts';

export const chatCommand: CliCommand = {
  name: 'chat',
  args: [],
  about: 'talks with an agent, message by message; ctrl-d leaves, ctrl-c stops the run under way',
  options: [
    ['-s, --session <session>', 'go on in this session'],
    ['-m, --model <model>', 'the model of the new session'],
  ],
  examples: ['corral chat', 'corral chat --session last'],
  async run({ options, io, corral }) {
    if (!io.canAsk) throw new UsageError('chat needs a terminal. In a script, use corral run --session <session>.');
    const server = corral();
    const [session, model] = [options.text('session'), options.text('model')];
    const box =
      session === undefined
        ? await server.create({ ...(model !== undefined && { model }) })
        : await boxOf(server, session);
    const { title, status } = await box.session();
    io.say(io.paint('stderr', 'dim', `session ${box.id}${title ? ` · ${title}` : ''} · ctrl-d leaves`));
    if (status === 'waiting') io.say('It waits for your answer.');
    try {
      for (;;) {
        const said = await nextMessage(io);
        if (said === undefined) break;
        if (said !== '') await followRun(await box.run(said), io, { json: false, follow: true });
      }
      io.say(io.paint('stderr', 'dim', `Go on with: corral chat --session ${box.id}`));
      return exitCodes.ok.code;
    } finally {
      box.close();
    }
  },
};

/** The person's next line; undefined after ctrl-d or ctrl-c. */
async function nextMessage(io: Parameters<CliCommand['run']>[0]['io']): Promise<string | undefined> {
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  const closed = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
  const asked = lines.question(io.paint('stderr', 'bold', 'you> ')).then((said) => said.trim());
  asked.catch(() => {}); // closed before an answer
  try {
    return await Promise.race([asked, closed]);
  } finally {
    lines.close();
  }
}

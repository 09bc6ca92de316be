import { parseArgs } from 'node:util';
import { type CorralClient, createCorralClient } from '../../client/index.ts';
import { AppError } from '../../core/errors/errors.ts';
import { parseWithUsage, type ServerCommandDefinition } from './command.ts';
import { resolveServerAddress, sendServerRequest, urlOption } from './server-request.ts';

const usage = 'show <session> [--turn <n>] [--json] [--url <address>]';

export const promptCommand: ServerCommandDefinition = {
  usage,
  about: 'prints what the model saw at a turn (default: the newest): instructions, tools and messages, as sent',
  async run(args, { print, signal }) {
    const { session, turn, json, url, token } = parsed(args);
    const headers = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
    await sendServerRequest(`${url}/api/v1/sessions`, { signal, ...headers });
    using corral = createCorralClient({ url, ...(token && { token }) });
    const input = { id: session, ...(turn !== undefined && { turn }) };
    const seen = await corral.sessions.promptAt.query(input, { signal }).catch((cause: Error) => {
      throw new AppError('invalid_request', cause.message, { cause });
    });
    print(json ? JSON.stringify(seen, null, 2) : formatPrompt(seen));
    return 0;
  },
};

type PromptView = Awaited<ReturnType<CorralClient['sessions']['promptAt']['query']>>;
type Message = PromptView['request']['messages'][number];

const parsed = (args: readonly string[]) =>
  parseWithUsage(`prompt needs ${usage}`, () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        turn: { type: 'string' },
        json: { type: 'boolean', default: false },
        ...urlOption,
      },
    });
    const [what, session, ...more] = positionals;
    if (what !== 'show' || session === undefined || more.length > 0) throw new Error('prompt show needs one session');
    if (values.turn !== undefined && !/^[1-9]\d{0,7}$/.test(values.turn))
      throw new Error('--turn must be a number from 1');
    const turn = values.turn === undefined ? undefined : Number(values.turn);
    return { session, turn, json: values.json, ...resolveServerAddress(values.url) };
  });

function formatPrompt(seen: PromptView): string {
  const { turn, runId, model, requestHash, proved, request, sections } = seen;
  const { phase, tools, messages, note, earlier = [], hint, mustCall, sampling } = request;
  const notesAt = (at: number) =>
    earlier.flatMap(({ before, text }) => (before === at ? ['\n== earlier note', text] : []));
  const lines = [
    `turn ${turn} of run ${runId}, ${phase.kind}, sent to ${model}`,
    `sha256 ${requestHash} ${proved ? 'matches the stored request' : 'DOES NOT MATCH THE STORED REQUEST'}`,
    ...(sampling ? [`sampling ${JSON.stringify(sampling)}`] : []),
    ...sections.flatMap(({ part, text }) => [`\n== instructions: ${part}`, text]),
    `\n== tools: ${tools.length}`,
    ...tools.map(({ name, description }) => `${name}: ${description.split('\n')[0]}`),
    ...(mustCall === undefined ? [] : [`The model must call ${mustCall}.`]),
    ...messages.flatMap((message, n) => [
      ...notesAt(n),
      `\n== message ${n + 1}: ${formatHead(message)}`,
      ...formatBody(message),
    ]),
    ...(note ? ['\n== note for this turn', note] : []),
    ...(hint === undefined ? [] : ['\n== hint for this turn', hint]),
  ];
  return lines.join('\n').replace(/[^\P{C}\n\t]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

const formatHead = (message: Message): string =>
  message.role === 'user'
    ? 'user'
    : message.role === 'assistant'
      ? `assistant (${message.model})`
      : `result of ${message.name} ${message.callId}${message.success ? '' : ', failed'}`;

function formatBody(message: Message): string[] {
  if (message.role === 'assistant') {
    const calls = message.calls.map(({ callId, name, args }) => `calls ${name} ${callId} ${JSON.stringify(args)}`);
    return [...(message.text === '' ? [] : [message.text]), ...calls];
  }
  const pictures = (message.pictures ?? []).map(({ file, mimeType }) => `[picture ${file}, ${mimeType}]`);
  return [message.role === 'user' ? message.text : message.output, ...pictures];
}

import type { Event } from '../../client/index.ts';
import { droppableEventTypes, eventLineOf } from '../../core/model/event-traits.ts';
import { type CliCommand, exitCodes, jsonOption, sessionArgument, UsageError } from '../command.ts';
import { type Io, toOneLine } from '../io.ts';
import { findBox } from '../server.ts';
import { printProcessLog } from './processes.ts';

const pageSize = 1_000;

export const logsCommand: CliCommand = {
  name: 'logs',
  args: [sessionArgument],
  about: "prints a session's events, and with -f the new ones as they happen",
  options: [
    ['-f, --follow', 'follow new events until ctrl-c, or until the session is deleted'],
    ['-n, --tail <number>', 'only the newest events'],
    ['--after <seq>', 'only events after this seq'],
    ['-p, --process <pid>', 'the whole log of a background process instead (see ps); with -f until the process ends'],
    jsonOption,
  ],
  examples: ['corral logs last', 'corral logs -f --json last', 'corral logs -f --process 4242 last'],
  async run({ args: [word = ''], options, io, corral }) {
    const box = await findBox(corral(), word);
    const pid = options.text('process');
    if (pid !== undefined) return await printProcessLog(box, pid, options.flag('follow'), io);
    const print = options.flag('json') ? (event: Event) => io.print(JSON.stringify(event)) : linePrinter(io);
    const { lastSeq } = await box.session();
    const tail = parseNumber(options.text('tail'), '--tail');
    let after = tail === undefined ? (parseNumber(options.text('after'), '--after') ?? 0) : Math.max(0, lastSeq - tail);
    if (!options.flag('follow')) {
      while (after < lastSeq) {
        const { events } = await box.api.events.list.query({ sessionId: box.id, afterSeq: after, limit: pageSize });
        for (const event of events) print(event);
        after = events.at(-1)?.seq ?? lastSeq;
      }
      return exitCodes.ok.code;
    }
    const events = box.events(after);
    const leave = () => void events.return();
    io.signal.addEventListener('abort', () => box.close(), { once: true });
    io.signal.addEventListener('abort', leave, { once: true });
    for await (const event of events) print(event);
    box.close();
    return exitCodes.ok.code;
  },
};

function parseNumber(value: string | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value)) throw new UsageError(`${name} needs a number.`);
  return Number(value);
}

/** Pieces of a message or output are left out, because the complete text follows. */
function linePrinter(io: Io): (event: Event) => void {
  return (event) => {
    if (droppableEventTypes.has(event.type)) return;
    const at = new Date(event.ts).toISOString().slice(11, 19);
    io.print(
      `${io.paint('stdout', 'dim', `${String(event.seq).padStart(5)} ${at}`)} ${event.type.padEnd(18)} ${toOneLine(eventLineOf(event), 120)}`,
    );
  };
}

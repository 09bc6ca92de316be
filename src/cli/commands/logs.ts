import { type Box, CorralError, type Event } from '../../client/index.ts';
import { droppableEventTypes, eventSummaryOf } from '../../core/model/event-traits.ts';
import { type CliCommand, exitCodes, jsonOption, sessionArgument, UsageError } from '../command.ts';
import { type Io, toOneLine, toPrintable, writeWithBackpressure } from '../io.ts';
import { findBox } from '../server.ts';

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

function linePrinter(io: Io): (event: Event) => void {
  return (event) => {
    if (droppableEventTypes.has(event.type)) return;
    const at = new Date(event.ts).toISOString().slice(11, 19);
    io.print(
      `${io.paint('stdout', 'dim', `${String(event.seq).padStart(5)} ${at}`)} ${event.type.padEnd(18)} ${toOneLine(eventSummaryOf(event), 120)}`,
    );
  };
}

export const psCommand: CliCommand = {
  name: 'ps',
  args: [sessionArgument],
  about: "lists the processes of a session's sandbox, including ended background processes",
  options: [jsonOption],
  examples: ['corral ps last'],
  async run({ args: [word = ''], options, io, corral }) {
    const box = await findBox(corral(), word);
    for (const process of await box.api.processes.list.query({ sessionId: box.id })) {
      const { pid, status, started, cmd, memoryBytes, ports = [] } = process;
      const memory = memoryBytes === undefined ? '' : `${Math.round(memoryBytes / 1_048_576)} MiB`;
      const at = started.slice(0, 19).replace('T', ' ');
      const about = `${String(pid).padStart(7)}  ${status.padEnd(7)}  ${at}  ${memory.padStart(9)}`;
      const line = `${about}  ${ports.join(',').padEnd(5)}  ${toOneLine(cmd, 100)}`;
      io.print(options.flag('json') ? JSON.stringify(process) : line);
    }
  },
};

async function printProcessLog(box: Box, pidText: string, follows: boolean, io: Io): Promise<number> {
  if (!/^\d{1,10}$/.test(pidText)) throw new UsageError('--process needs a number: corral ps lists them.');
  const pid = Number(pidText);
  const list = await box.api.processes.list.query({ sessionId: box.id });
  const found = list.find((one) => one.pid === pid);
  if (!found)
    throw new CorralError('not_found', `No process ${pid} in this session: corral ps lists them.`, { address: '' });
  if (found.log === '') throw new UsageError(`Process ${pid} has no log: only background processes have one.`);
  // `--pid` ends tail when the process ends.
  const until = follows && found.status === 'running' ? `-f --pid=${pid} -s 0.2 ` : '';
  const decoder = new TextDecoder();
  let rest = '';
  const shown = (bytes: Uint8Array) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    return new TextEncoder().encode(lines.map((line) => `${toPrintable(line)}\n`).join(''));
  };
  const onBytes = (channel: 'stdout' | 'stderr', bytes: Uint8Array) =>
    writeWithBackpressure(io[channel], io.stdout.isTTY && channel === 'stdout' ? shown(bytes) : bytes);
  try {
    const command = `exec tail -n +1 ${until}-- "$CORRAL_LOG"`;
    const { exitCode } = await box.execBytes(command, { env: { CORRAL_LOG: found.log }, signal: io.signal, onBytes });
    if (rest !== '') io.print(toPrintable(rest));
    return exitCode;
  } catch (thrown) {
    if (io.signal.aborted) return exitCodes.interrupted.code;
    throw thrown;
  }
}

import { type Box, CorralError } from '../../client/index.ts';
import { type CliCommand, exitCodes, jsonOption, sessionArgument, UsageError } from '../command.ts';
import { type Io, toOneLine, toPrintable, writeWithBackpressure } from '../io.ts';
import { findBox } from '../server.ts';

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

export async function printProcessLog(box: Box, pidText: string, follows: boolean, io: Io): Promise<number> {
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

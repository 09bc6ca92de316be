import { openPreview, resolvePreviewUrl } from '../../client/port.ts';
import { type CliCommand, jsonOption, sessionArgument } from '../command.ts';
import { UsageError } from '../exit-codes.ts';
import { toOneLine } from '../io.ts';
import { findBox } from '../server.ts';

export const portCommand: CliCommand = {
  name: 'port',
  args: [sessionArgument, ['[port]', 'the port to open; default: list the ports on which programs listen']],
  about: 'lists the ports of a sandbox, or opens one and prints an address for browsers that expires',
  options: [
    ['--minutes <minutes>', 'until the address expires; default 480'],
    ['--close', 'close all addresses of the port'],
    jsonOption,
  ],
  examples: ['corral port last', 'corral port last 3000', 'corral port last 3000 --close'],
  async run({ args: [word = '', port], options, io, corral }) {
    const server = corral();
    const { id: sessionId } = await findBox(server, word);
    const isJson = options.flag('json');
    const opened = await server.call((api) => api.ports.opened.query({ sessionId }));
    if (port === undefined) {
      const listening = await server.call((api) => api.ports.list.query({ sessionId }));
      if (listening.length === 0 && !isJson) io.say('No program listens on a port of this sandbox.');
      for (const one of listening) {
        const urls = opened
          .filter(({ of }) => of === one.port)
          .map((preview) => resolvePreviewUrl(server, preview).url);
        const line = `${String(one.port).padStart(5)}  ${toOneLine(one.command ?? '', 60).padEnd(20)}  ${urls.join(' ')}`;
        io.print(isJson ? JSON.stringify({ ...one, urls }) : line.trimEnd());
      }
      return;
    }
    const of = Number(port);
    if (!Number.isInteger(of) || of < 1 || of > 65_535) throw new UsageError('A port is a number from 1 to 65535.');
    if (options.flag('close')) {
      for (const { id } of opened.filter((one) => one.of === of))
        await server.call((api) => api.ports.close.mutate({ sessionId, id }));
      return;
    }
    const value = options.text('minutes');
    const minutes = value === undefined ? undefined : Number(value);
    if (minutes !== undefined && (!Number.isInteger(minutes) || minutes < 1))
      throw new UsageError('--minutes needs a whole number, 1 or more.');
    const connection = { address: server.address, call: server.call.bind(server) };
    const preview = await openPreview(connection, sessionId, { of, ...(minutes !== undefined && { minutes }) });
    io.print(isJson ? JSON.stringify(preview) : preview.url);
  },
};

import { openPreview, resolvePreviewUrl } from '../../client/port.ts';
import { type CliCommand, jsonOption, sessionArgument, UsageError } from '../command.ts';
import { toOneLine } from '../io.ts';
import { findBox, openBrowser } from '../server.ts';

export const openCommand: CliCommand = {
  name: 'open',
  args: [['[session]', 'show this session']],
  about: 'opens the page in a browser, and prints its address',
  options: [['--no-browser', 'only print it'], jsonOption],
  examples: ['corral open', 'corral open last'],
  async run({ args: [word], options, io, corral }) {
    const server = corral();
    const box = word === undefined ? undefined : await findBox(server, word);
    if (!box) await server.call((api) => api.system.info.query());
    const url = `${server.address}/${box ? `#${box.id}` : ''}`;
    io.print(options.flag('json') ? JSON.stringify({ url }) : url);
    if (options.flag('browser') && io.stdout.isTTY) openBrowser(url);
  },
};

export const vncCommand: CliCommand = {
  name: 'vnc',
  args: [sessionArgument],
  about: "prints a link to a sandbox's screen that needs no token, works once and expires",
  options: [
    ['--control', 'allow the keyboard and mouse'],
    ['--expires <seconds>', 'from 1 to 900; default 60'],
    jsonOption,
  ],
  examples: ['corral vnc last --control'],
  async run({ args: [word = ''], options, io, corral }) {
    const server = corral();
    const box = await findBox(server, word);
    const expireSeconds = Number(options.text('expires') ?? 60);
    if (!Number.isInteger(expireSeconds) || expireSeconds < 1 || expireSeconds > 900) {
      throw new UsageError('--expires needs a number of seconds from 1 to 900.');
    }
    const right = options.flag('control') ? 'control' : 'view';
    const requested = { sessionId: box.id, right, expireSeconds } as const;
    const { url, page, expiresIn } = await server.call((api) => api.desktop.signedUrl.mutate(requested));
    const report = { url: server.address + url, page: server.address + page, expiresIn };
    io.print(options.flag('json') ? JSON.stringify(report) : report.page);
  },
};

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

import { type CliCommand, jsonOption, sessionArgument } from '../command.ts';
import { UsageError } from '../exit-codes.ts';
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

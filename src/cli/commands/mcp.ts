import type { CliCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { writeWithBackpressure } from '../io.ts';
import { relayMcp } from '../mcp-relay.ts';

export const mcpCommand: CliCommand = {
  name: 'mcp',
  args: [],
  about: 'speaks the Model Context Protocol on standard input and output, so that an assistant can use the server',
  options: [],
  examples: ['corral mcp', 'claude mcp add corral -- corral mcp'],
  async run({ io, corral }) {
    const server = corral();
    await relayMcp({
      send: (body, headers, signal) => server.fetch('/mcp', { method: 'POST', body, headers, signal }),
      input: io.stdin,
      print: (line) => writeWithBackpressure(io.stdout, Buffer.from(`${line}\n`)),
      signal: io.signal,
    });
    return io.signal.aborted ? exitCodes.interrupted.code : exitCodes.ok.code;
  },
};

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import type { PackedCli } from '../servers/packed-cli.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests compare what they read
type Answer = Record<string, any>;

/** A real client of the Model Context Protocol, whose tool calls return the parsed answer. */
export async function mcpClient(transport: StreamableHTTPClientTransport | StdioClientTransport) {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  const raw = (name: string, args: object = {}) =>
    client.callTool({ name, arguments: args as Record<string, unknown> }, { timeout: 120_000 });
  return {
    client,
    raw,
    async call(name: string, args: object = {}): Promise<Answer> {
      const result = await raw(name, args);
      if (result.isError) throw new Error(textOf(result));
      return result.structuredContent as Answer;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

export const textOf = ({ content }: { content?: unknown }): string =>
  (content as { type: string; text?: string }[]).map(({ text }) => text ?? '').join('');

export const overHttp = (url: string, token?: string) =>
  new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } },
  });

/** The packed `corral mcp`, as an assistant starts it. */
export const overStdio = (cli: PackedCli, env: Record<string, string>) =>
  new StdioClientTransport({ command: cli.program, args: ['mcp'], env: { PATH: process.env.PATH ?? '', ...env } });

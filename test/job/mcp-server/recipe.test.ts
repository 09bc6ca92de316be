// @module-tag nightly
// The recipe "Claude Code with corral mcp", followed as it is written: its own configuration starts the program, and the
// calls that it names do what the page says.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, test } from 'vitest';
import { mcpClient } from '../../support/clients/mcp-client.ts';
import { needs } from '../../support/servers/components.ts';
import { packedCli } from '../../support/servers/packed-cli.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const page = readFileSync('docs/recipes/claude-code-mcp.md', 'utf8');
const reference = readFileSync('docs/mcp-server.md', 'utf8');

test('the configuration of the recipe starts a server whose tools do what the page asks for', async (context) => {
  await needs(context, 'bubblewrap');
  await using cli = await packedCli();
  await using server = await serverProcess({ CORRAL_DRIVER: 'process', CORRAL_EGRESS_POLICY: 'none' });
  const config = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '{}');
  const { command, args } = config.mcpServers.corral as { command: string; args: string[] };
  const env = { PATH: `${dirname(cli.program)}:${process.env.PATH}`, CORRAL_DATA_DIR: server.data };
  await using mcp = await mcpClient(new StdioClientTransport({ command, args, env }));

  const { tools } = await mcp.client.listTools();
  const known = tools.map(({ name }) => name);
  const named = [...page.matchAll(/`([a-z]+_[a-z]+)`/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(3);
  expect(known).toEqual(expect.arrayContaining(named));
  for (const name of known) expect(reference).toContain(`\`${name}\``);

  const { session_id } = await mcp.call('create_session', { title: 'Primes' });
  const content =
    'const p = []; for (let n = 2; p.length < 20; n++) if (p.every((q) => n % q)) p.push(n); console.log(p.join())';
  await mcp.call('write_file', { session_id, path: 'primes.js', content });
  const { exit_code, stdout } = await mcp.call('run_command', { session_id, command: 'node primes.js' });
  expect([exit_code, stdout]).toEqual([0, expect.stringMatching(/^2,3,5,7,11,.*,71\n$/)]);
  await mcp.call('end_session', { session_id });
});

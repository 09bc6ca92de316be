import { expect, test } from 'vitest';
import { loadConfig } from '../../src/app/settings/config.ts';

const yaml = `
mcp:
  servers:
    files: {command: npx, args: [-y, some-server, /workspace], env: {DEBUG: "1"}}
    docs: {url: https://docs.example/mcp, headers: {Authorization: Bearer abc}, tools: ["search_*"], timeout-seconds: 5}
`;

test('tool servers are read from the file, with their defaults', () => {
  const [files, docs] = loadConfig({}, yaml).mcp.servers;
  expect(files).toEqual({
    name: 'files',
    command: 'npx',
    args: ['-y', 'some-server', '/workspace'],
    env: { DEBUG: '1' },
    tools: ['*'],
    timeoutMs: 60_000,
  });
  expect(docs).toMatchObject({ name: 'docs', url: 'https://docs.example/mcp', tools: ['search_*'], timeoutMs: 5_000 });
  expect(docs && 'headers' in docs && docs.headers.Authorization?.reveal()).toBe('Bearer abc');
  expect(JSON.stringify(docs)).not.toContain('abc');
});

test('the variable takes JSON', () => {
  const CORRAL_MCP_SERVERS = '{"one":{"command":"serve"}}';
  expect(loadConfig({ CORRAL_MCP_SERVERS }, '').mcp.servers).toMatchObject([{ name: 'one', command: 'serve' }]);
});

test.each([
  ['{'],
  ['{"Big":{"command":"x"}}'],
  ['{"a_b":{"command":"x"}}'],
  ['{"a":{}}'],
  ['{"a":{"command":"x","url":"https://x"}}'],
  ['{"a":{"url":"ftp://x"}}'],
  ['{"a":{"url":"https://x","headers":{"A":"sec\\nret"}}}'],
  ['{"a":{"command":"x","timeout-seconds":0}}'],
])('%s is refused, and not repeated', (CORRAL_MCP_SERVERS) => {
  expect(() => loadConfig({ CORRAL_MCP_SERVERS }, '')).toThrow(/CORRAL_MCP_SERVERS .* accepts names/);
  expect(() => loadConfig({ CORRAL_MCP_SERVERS }, '')).not.toThrow(/secret|https/);
});

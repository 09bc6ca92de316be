// @module-tag nightly
import { expect } from 'vitest';
import { filesUnder } from '../../support/hostile/canaries.ts';
import { guardedTools } from './guarded-tools.ts';
import { bad, goneRefusal, stepsOf, testEverywhere } from './programs.ts';

const secret = /(secret|token)-\d/;
const called = (number: number) => [['local'], [[`let in as number ${number}`, false]]];

const refusal = "it rejected the vault's credential";
const withoutOne = 'it requires a credential, and no vault of the session has one';
const bearer = [
  true,
  called(1),
  [['local'], [[expect.stringContaining(refusal), true]]],
  called(2),
  [['local'], [[expect.stringContaining(withoutOne), true]]],
];
const settings = { CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8' };

testEverywhere(
  'a program keeps tokens in a vault, and the server gives them to its tool server alone',
  async (it) => {
    await using tools = await guardedTools();
    expect(await stepsOf(it, 'vaults.py', { TOOL_SERVER: tools.url })).toEqual({
      crud: [
        ['Alice B.', { user: '1' }, true],
        ['static_bearer', 'Example', 'Other', 'https://MCP.example.com:443/mcp/'],
        [[409, 'conflict_error', 'false'], true, [], true, 'vault_credential_deleted'],
        ['KEY', true, false],
        [[409, 'conflict_error', 'false'], true, bad, 'vault_deleted', goneRefusal],
      ],
      bearer,
      oauth: [
        called(1),
        [true, 'valid', null, null],
        called(2),
        ['valid', null, 'succeeded'],
        ['invalid', true, 'initialize', 401],
        ['failed', 400, true, false],
      ],
      errors: [bad, bad, goneRefusal, bad],
      failures: [
        [
          ['away', 'mcp_connection_failed_error', 'retrying'],
          ['local', 'mcp_authentication_failed_error', 'retrying'],
        ],
        ['You wrote: Hello'],
        'end_turn',
      ],
    });
    expect(it.server.output()).not.toMatch(secret);
    // The token that was about to expire was never sent, and no other secret either.
    const tokens = ['bearer-token-1', 'bearer-token-2', 'granted-token-1', 'granted-token-2', 'granted-token-3'];
    expect([...new Set(tools.shown)].sort()).toEqual([...tokens.map((token) => `Bearer ${token}`), 'nothing']);
    let looked = 0;
    for await (const { path, text } of filesUnder(it.server.data)) {
      looked++;
      expect([path, secret.exec(text)?.[0]]).toEqual([path, undefined]);
    }
    expect(looked).toBeGreaterThan(0);
  },
  settings,
);

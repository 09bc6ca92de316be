import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { openEngine } from '../../../drivers/docker/engine.ts';

test('printing the options of a request to the engine does not print the open connections', () => {
  const { modem } = openEngine('unix:///nothing/docker.sock') as unknown as { modem: { agent: object } };
  expect(inspect({ agent: modem.agent }, { showHidden: true, depth: null })).toBe('{ agent: Agent }');
});

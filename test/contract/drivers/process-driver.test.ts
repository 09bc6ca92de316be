import { describe, test } from 'vitest';
import { driverConformance } from '../../support/conformance/suite.ts';
import { hasBubblewrap, processHarness } from '../../support/servers/process.ts';

const bubblewrap = await hasBubblewrap();

if (bubblewrap) {
  driverConformance('process (bubblewrap)', () => processHarness('bwrap'), { real: true, isolated: true });
} else describe.skip('process driver: bubblewrap is not installed or does not work', () => test('skipped', () => {}));
// The same driver without isolation is tagged `nightly` on machines that can test it isolated.
describe('without walls', { tags: bubblewrap ? ['nightly'] : [] }, () =>
  driverConformance('process (no isolation)', () => processHarness(undefined), { real: true, isolated: false }),
);

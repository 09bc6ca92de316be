// @module-tag nightly
import { describe, test } from 'vitest';
import { driverConformance } from '../../support/conformance/suite.ts';
import { dockerHarness, hasDocker } from '../../support/sandboxes/docker.ts';

const docker = await hasDocker();

if (docker) driverConformance('docker', dockerHarness, { real: true, isolated: true });
else describe.skip('docker driver: no Docker engine answers', () => test('skipped', () => {}));

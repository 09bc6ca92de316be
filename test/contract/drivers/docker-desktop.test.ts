// @module-tag nightly
import { describe, test } from 'vitest';
import { desktopImage } from '../../../src/app/images/image.ts';
import { dockerHarness, hasDocker } from '../../support/sandboxes/docker.ts';
import { desktopConformance } from './desktop.ts';

if (await hasDocker()) desktopConformance('docker', { open: dockerHarness, image: desktopImage });
else describe.skip('docker driver, desktop: no Docker engine answers', () => test('skipped', () => {}));

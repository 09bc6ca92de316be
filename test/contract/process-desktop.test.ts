import { describe, test } from 'vitest';
import { hasBubblewrap, processHarness } from '../support/process.ts';
import { desktopConformance } from './desktop.ts';

if (await hasBubblewrap()) {
  const open = () => processHarness('bwrap');
  desktopConformance('process (bubblewrap)', { open, image: 'corral-sandbox', needsHost: true });
} else describe.skip('process driver, desktop: bubblewrap does not work', () => test('skipped', () => {}));

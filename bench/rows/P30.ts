import { experimentsBeside } from '../lib/beside-package.ts';
import type { Row } from '../lib/measure.ts';
import { missingPeer, pythonPackage } from '../lib/peer-packages.ts';
import { missingBubblewrap } from '../peers/raw-daemon.ts';

// Corral's bubblewrap next to SWE-ReX's runtime on this machine, which isolates nothing: a shell of the user's own.

const missing = missingPeer(pythonPackage('swerex'));

export const P30: Row = {
  id: 'P30',
  title: 'next to SWE-ReX, without an engine',
  missing: async () => (await missing()) ?? (await missingBubblewrap()),
  experiments: (mode) =>
    experimentsBeside(
      {
        ...{ id: 'P30', name: 'swe-rex', driver: 'process', acts: ['ready', 'exec', 'output', 'stop'] },
        argumentsFor: async () => [],
      },
      mode,
    ),
};

import { experimentsBeside } from '../lib/beside-package.ts';
import { containerOf, missingEngine } from '../lib/engine-api.ts';
import type { Row } from '../lib/measure.ts';
import { missingPeer, pythonPackage } from '../lib/peer-packages.ts';

// Corral on Docker next to llm-sandbox, which starts a container of the same image, without Corral's hardening.
// 50 MB of output are no part of it: llm-sandbox had not returned them after a minute.

const missing = missingPeer(pythonPackage('llm_sandbox'));

export const P29: Row = {
  id: 'P29',
  title: 'next to llm-sandbox, Docker',
  missing: async () => (await missing()) ?? (await missingEngine()),
  experiments: (mode) =>
    experimentsBeside(
      {
        ...{ id: 'P29', name: 'llm-sandbox', driver: 'docker', acts: ['ready', 'exec', 'stop'] },
        argumentsFor: async (session) => [(await containerOf(session)).Image],
      },
      mode,
    ),
};

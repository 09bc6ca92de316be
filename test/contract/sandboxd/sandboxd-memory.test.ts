import { memorySandboxd } from '../../support/sandboxes/memory-sandboxd.ts';
import { sandboxdContract } from './sandboxd.ts';

sandboxdContract('in memory', async () => memorySandboxd());

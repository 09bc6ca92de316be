import { memorySandboxd } from '../support/memory-sandboxd.ts';
import { sandboxdContract } from './sandboxd.ts';

sandboxdContract('in memory', async () => memorySandboxd());

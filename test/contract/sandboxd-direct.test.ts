import { realSandboxd } from '../support/sandboxd.ts';
import { sandboxdContract } from './sandboxd.ts';

sandboxdContract('on this machine', () => realSandboxd());

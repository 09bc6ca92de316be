import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { sandboxdContract } from './sandboxd.ts';

sandboxdContract('on this machine', () => realSandboxd());

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { tree } from '../measure/tree.ts';

const Package = z.object({
  serverProcess: z
    .object({ flags: z.array(z.string()), env: z.record(z.string(), z.string()) })
    .default({ flags: ['--disable-warning=ExperimentalWarning'], env: {} }),
});

/** How the measured checkout starts its server; older ones do not say it. */
export const serverProcess = () =>
  Package.parse(JSON.parse(readFileSync(join(tree(), 'package.json'), 'utf8'))).serverProcess;

import { beforeAll, describe } from 'vitest';
import { hasDocker } from '../support/docker.ts';
import { buildImage, sandboxContainer } from '../support/sandbox-container.ts';
import { sandboxdContract } from './sandboxd.ts';

const docker = await hasDocker();

describe.skipIf(!docker)(docker ? 'in a container' : 'in a container: skipped, Docker does not answer', () => {
  beforeAll(buildImage, 300_000);
  sandboxdContract('over its control connection', () => sandboxContainer());
});

import { Agent } from 'node:http';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { memoryDaemon } from '../memory-driver/daemon.ts';

export function memorySandboxd(): AsyncDisposable & { readonly client: SandboxClient } {
  const daemon = memoryDaemon({ clock: systemClock, token: 'secret', workdir: '/workspace' });
  const agent = new Agent({ keepAlive: true });
  agent.createConnection = () => daemon.connect();
  return {
    client: createSandboxClient({ agent, token: new Secret('secret'), workdir: '/workspace' }),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      daemon.close();
    },
  };
}

import { Corral } from '../../src/client/index.ts';
import { containerOf } from './engine-api.ts';
import { inPackage, loadPeer, missingPeer } from './peer-packages.ts';
import { startServer } from './server.ts';

/** A sandbox as a program on E2B's SDK has it. */
interface SdkSandbox {
  readonly sandboxId: string;
  readonly commands: { run(command: string): Promise<{ readonly exitCode: number }> };
  runCode(code: string): Promise<{ readonly text?: string }>;
  uploadUrl(path: string): Promise<string>;
  downloadUrl(path: string): Promise<string>;
  kill(): Promise<boolean>;
}
interface Sdk {
  readonly Sandbox: { create(template: string, options: object): Promise<SdkSandbox> };
}
const sdk = '@e2b/code-interpreter';
export const missingSdk = missingPeer(inPackage(sdk), inPackage('e2b'));

/** A server on Docker with the E2B facade, and one sandbox of its standard image. */
export async function e2bSandbox() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await startServer({
      ...{ CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none' },
      ...{ CORRAL_E2B_FACADE: 'on', CORRAL_E2B_TEMPLATES: 'base' },
    }),
  );
  const where = { apiUrl: server.url, sandboxUrl: server.url, apiKey: 'e2b_0123456789' };
  const sandbox = await loadPeer<Sdk>(sdk).Sandbox.create('base', { ...where, timeoutMs: 1_800_000 });
  stack.defer(async () => void (await sandbox.kill()));
  const container = await containerOf(sandbox.sandboxId);
  const box = await new Corral({ url: server.url }).open(sandbox.sandboxId);
  stack.defer(() => box.close());
  const held = stack.move();
  return { sandbox, box, container, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

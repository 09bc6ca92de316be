import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Driver, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { cdp } from '../../support/clients/cdp.ts';
import { budget, type DriverHarness, testSpec } from '../../support/conformance/harness.ts';
import { needs } from '../../support/servers/components.ts';

const soon = () => AbortSignal.timeout(90_000);
const patience = { interval: 100 };
const megabytes = 1024;

/** The tests for every driver whose capabilities include `desktop`. */
export function desktopConformance(
  name: string,
  { open, image, needsHost = false }: { open: () => Promise<DriverHarness>; image: string; needsHost?: boolean },
): void {
  describe(`${name} driver: the desktop`, () => {
    let stack: AsyncDisposableStack;
    let harness: DriverHarness;
    let driver: Driver;
    let link: SandboxLink;
    let client: SandboxClient;
    let sandboxSpec: SandboxSpec;
    const sh = async (command: string) => (await client.exec({ command }, soon())).stdout;

    beforeEach(async (context) => {
      if (needsHost) await needs(context, 'desktop');
    });
    beforeAll(async () => {
      stack = new AsyncDisposableStack();
      harness = stack.use(await open());
      driver = stack.use(await harness.connect());
      if (!driver.capabilities.desktop) return; // each test then reports the missing desktop
      const limits = { memoryBytes: megabytes * 2 ** 20, cpus: 2, pids: 512, diskBytes: 2 ** 30 };
      sandboxSpec = testSpec(image, { env: { CORRAL_DESKTOP: 'on' }, limits });
      await driver.provision(sandboxSpec, budget(600_000));
      link = stack.use(await driver.attach(sandboxSpec.id, budget()));
      client = createSandboxClient({ agent: link.agent, token: link.token, workdir: link.workdir });
    }); // the first run may have to build an image
    afterAll(async () => {
      if (sandboxSpec) await driver.destroy(sandboxSpec.id, 'remove', budget());
      await stack.disposeAsync();
    });

    test('the desktop shows its screen and its browser without an open port', async () => {
      expect(driver.capabilities.desktop).toBe(true);
      const viewer = await client.desktop.vnc(soon());
      expect(String(await once(viewer, 'data', { signal: soon() }))).toBe('RFB 003.008\n');
      viewer.destroy();
      const browser = cdp(await client.desktop.cdp(soon()));
      expect(await browser.ask('Browser.getVersion')).toMatchObject({ product: expect.stringContaining('Chrom') });
      const listening = await sh('cat /proc/net/tcp /proc/net/tcp6 | awk \'$4 == "0A" { print $2 }\'');
      expect(listening).toBe('0100007F:0C38\n'); // 127.0.0.1:3128, the proxy's address in a sandbox
      expect((await client.desktop.screenshot(soon())).length).toBeGreaterThan(1_000);
    });

    test('a page sees the files of the workspace and no others, and its downloads go there', async () => {
      await client.writeFile('there.html', '<title>there</title>', soon());
      const browser = cdp(await client.desktop.cdp(soon()));
      const { ask, evaluate } = await browser.page('file:///workspace/there.html');
      await expect.poll(() => evaluate('document.title'), patience).toBe('there');
      const refused = await ask('Page.navigate', { url: 'file:///etc/passwd' });
      expect(refused.errorText).toBe('net::ERR_BLOCKED_BY_ADMINISTRATOR');
      await evaluate(
        "Object.assign(document.createElement('a'),{href:'data:text/plain,hello',download:'got.txt'}).click()",
      );
      await expect.poll(() => sh('cat /workspace/downloads/got.txt'), patience).toBe('hello');
    });

    test('F126 pages that eat all memory leave shell and daemon alone', { tags: ['nightly'] }, async () => {
      const { bootId } = await client.health(soon());
      await client.start({ id: 'op-long', shell: 'long', command: 'echo begun; sleep 300; echo ended' }, soon());
      const browser = cdp(await client.desktop.cdp(soon()));
      // Any single program is refused more than its limit; together they request more than the sandbox has.
      const pages = await Promise.all([1, 2, 3].map(() => browser.page('about:blank')));
      for (const { ask } of pages) await ask('Inspector.enable');
      // A program that is refused stops: repeated requests would only collect garbage, and it could not even answer.
      const eat =
        'all=[];eats=setInterval(()=>{try{all.push(new Uint8Array(5e7).fill(1))}catch{document.title="full";clearInterval(eats)}},1)';
      for (const { evaluate } of pages) void evaluate(eat).catch(() => {});
      const crashed = () => browser.events.filter(({ method }) => method === 'Inspector.targetCrashed').length;
      const isFull = ({ evaluate }: (typeof pages)[number]) =>
        Promise.race([evaluate('document.title'), new Promise((resolve) => setTimeout(resolve, 3_000))]).catch(
          () => {},
        );
      const over = async () =>
        browser.isClosed() ||
        crashed() + (await Promise.all(pages.map(isFull))).filter((title) => title === 'full').length === pages.length;
      const ended = await expect
        .poll(over, patience)
        .toBe(true)
        .then(
          () => true,
          () => false,
        );
      expect(await sh('echo here')).toBe('here\n');
      // On a busy machine, pages can compete for the last memory indefinitely without being killed. Then the shell ends
      // them.
      if (!ended) await sh('pkill -9 -f type=renderer; true');
      await expect.poll(over, patience).toBe(true);
      expect((await client.health(soon())).bootId).toBe(bootId);
      expect(await client.operation('op-long', soon())).toMatchObject({ state: 'running' });
      const again = cdp(await client.desktop.cdp(soon()));
      expect(await again.ask('Browser.getVersion')).toBeDefined();
    });

    test('destroying the sandbox leaves nothing of a desktop that runs', async () => {
      await client.desktop.start(soon());
      cdp(await client.desktop.cdp(soon()));
      await driver.destroy(sandboxSpec.id, 'remove', budget());
      expect(await harness.remains(sandboxSpec.id)).toEqual([]);
    });
  });
}

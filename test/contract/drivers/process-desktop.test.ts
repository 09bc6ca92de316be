// @module-tag all
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { SandboxLink } from '../../../drivers/driver.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { budget, testSpec } from '../../support/conformance/harness.ts';
import { needs } from '../../support/servers/components.ts';
import { hasBubblewrap, processHarness } from '../../support/servers/process.ts';
import { desktopConformance } from './desktop.ts';

const soon = () => AbortSignal.timeout(60_000);

if (await hasBubblewrap()) {
  const open = () => processHarness('bwrap');
  desktopConformance('process (bubblewrap)', { open, image: 'corral-sandbox', needsHost: true });

  /** Runs `act` with a new sandbox that has a desktop, and removes the sandbox. */
  async function withDesktop(env: Record<string, string>, act: (link: SandboxLink) => Promise<void>): Promise<void> {
    await using harness = await open();
    await using driver = await harness.connect();
    const sandboxSpec = testSpec('corral-sandbox', { env: { CORRAL_DESKTOP: 'on', ...env } });
    await driver.provision(sandboxSpec, budget(60_000));
    await using link = await driver.attach(sandboxSpec.id, budget());
    try {
      await act(link);
    } finally {
      await driver.destroy(sandboxSpec.id, 'remove', budget());
    }
  }

  test('the server dials the display itself, and no name that the sandbox puts in its place leads it elsewhere', async (context) => {
    await needs(context, 'desktop');
    await withDesktop({}, async (link) => {
      const client = createSandboxClient(link);
      const greeted = async () => {
        const viewer = await client.desktop.vnc(soon());
        const first = String(await once(viewer, 'data', { signal: soon() }));
        viewer.destroy();
        return first;
      };
      expect(await link.screen?.()).toBeUndefined(); // no desktop runs yet
      expect(await greeted()).toBe('RFB 003.008\n');
      const screen = await link.screen?.();
      expect(screen).toBeDefined();
      screen?.destroy();

      const swap = 'cd /run/screen && mv vnc kept && ln -s /run/corral/control vnc && ! ln /run/corral/control hard';
      expect(await client.exec({ command: swap }, soon())).toMatchObject({ exitCode: 0 });
      expect(await link.screen?.()).toBeUndefined();
      expect((await client.exec({ command: 'mv /run/screen /run/gone' }, soon())).exitCode).not.toBe(0);

      expect(await client.exec({ command: 'cd /run/screen && mv -f kept vnc' }, soon())).toMatchObject({ exitCode: 0 });
      expect(await greeted()).toBe('RFB 003.008\n');
    });
  });

  test('a viewer that dialled the display itself counts at the daemon, so its desktop is not idle', async (context) => {
    await needs(context, 'desktop');
    await withDesktop({ CORRAL_DESKTOP_IDLE_MS: '2000' }, async (link) => {
      const { desktop } = createSandboxClient(link);
      const state = async () => (await desktop.status(soon())).state;
      await desktop.start(soon());
      const viewer = await desktop.vnc(soon());
      await new Promise((resolve) => setTimeout(resolve, 4_500)); // several checks of the idle clock
      expect(await state()).toBe('running');
      viewer.destroy();
      await expect.poll(state).toBe('stopped');
    });
  });

  test('a desktop that takes longer to start than it may be idle starts all the same', async (context) => {
    await needs(context, 'desktop');
    await withDesktop({ CORRAL_DESKTOP_IDLE_MS: '20' }, async (link) => {
      expect((await createSandboxClient(link).desktop.start(soon())).state).toBe('running');
    });
  });
} else describe.skip('process driver, desktop: bubblewrap does not work', () => test('skipped', () => {}));

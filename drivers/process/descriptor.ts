import { z } from 'zod';
import { findDesktopPrograms } from '../../sandbox-images/sandboxd/desktop/programs.ts';
import { userIdRange } from '../../src/config/kinds.ts';
import { defineSetting } from '../../src/config/setting.ts';
import { defineDriver } from '../descriptor.ts';

const settings = z.strictObject({
  users: defineSetting(
    userIdRange(),
    '1500000-1565535',
    'unused user ids of this machine: under a server that runs as root, each bubblewrap sandbox gets its own; none: all share 10001',
  ),
});

const desktopNeeds =
  'A desktop needs the setting sandbox.desktop (CORRAL_SANDBOX_DESKTOP=true), with Xvnc, Chromium and bubblewrap on this machine, or the driver docker.';

export const processDescriptor = defineDriver({
  label: 'processes of this machine, isolated by bubblewrap',
  settings,
  async open({ users }, parts) {
    const { createProcessDriver } = await import('./process.ts');
    const { desktop, say } = parts;
    const { base, desktop: withScreen } = parts.ourImages;
    // Both images are listed, because a template can override the server's desktop setting.
    const own = [base.name, withScreen.name];
    const driver = await createProcessDriver({
      ...parts,
      users,
      images: own.includes(parts.image) ? own : [parts.image],
      desktop: desktop === true && findDesktopPrograms('/usr/local/bin:/usr/bin') !== undefined,
      bubblewrap: 'bwrap',
    });
    if (desktop === true && !driver.capabilities.desktop) {
      say(`Sandboxes have no desktop here. ${desktopNeeds}`);
    }
    return driver;
  },
  desktopNeeds,
  disks: (dataDir) => [dataDir],
});

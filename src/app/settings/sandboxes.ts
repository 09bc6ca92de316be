import { z } from 'zod';
import { credentials } from '../../config/credentials.ts';
import {
  amount,
  flag,
  flagOr,
  hosts,
  integer,
  integerOr,
  networks,
  oneOf,
  size,
  text,
  wordList,
} from '../../config/kinds.ts';
import { changeable, optional, setting } from '../../config/setting.ts';
import { policyLabels, policyNames } from '../../sandboxes/egress/policies/list.ts';

// The settings of sandboxes: their size, their way out, their desktop and its browser.

const day = 24 * 60 * 60;

export const sandbox = z.strictObject({
  image: setting(text('an image name'), 'corral/sandbox', 'image of every sandbox; the default is built on first use'),
  isolation: setting(
    oneOf('standard', 'strict'),
    'standard',
    'strict: only sandboxes with a kernel of their own (gVisor or Kata); the server does not start where there is none',
  ),
  desktop: setting(
    flagOr('auto'),
    'auto',
    'gives each sandbox a screen with a browser, from a larger image; 2GiB of memory is better then; auto: with Docker, ' +
      'once the server has built that image in the background; elsewhere false',
  ),
  memory: setting(size(64 * 2 ** 20), '1GiB', 'memory for each sandbox'),
  cpus: setting(amount(0.1, 512), 1, 'processors for each sandbox'),
  maxMemory: optional(
    size(64 * 2 ** 20),
    'the most memory that the creator of a session can choose for its sandbox; unset: no more than memory',
  ),
  maxCpus: optional(
    amount(0.1, 512),
    'the most processors that the creator of a session can choose for its sandbox; unset: no more than cpus',
  ),
  pids: setting(integer(32, 32_768), 512, 'processes and threads for each sandbox'),
  disk: setting(size(16 * 2 ** 20), '2GiB', 'files of each sandbox, its home included; what writes more is ended'),
  minFreeDisk: setting(
    size(0),
    '2GiB',
    'free space of the disk below which no sandbox starts, and the one that uses most is stopped; 0 is no floor',
  ),
  idleSeconds: setting(integer(1, 30 * day), 1800, 'an unused sandbox is stopped after this; its files stay'),
  ttlSeconds: setting(integer(60, 20 * day), day, 'a sandbox is ended at this age; its files stay'),
  startTimeoutSeconds: setting(integer(1, 3600), 300, 'time for a sandbox to start, making its image included'),
  maxStarting: setting(integer(1, 64), 4, 'sandboxes that start at once; further ones wait their turn'),
  serviceImages: setting(
    wordList('images such as redis:7.4, or redis:* for every tag', /^[a-z0-9][\w.:@/-]*(:\*)?$/),
    [],
    'the only images of services beside sandboxes, see docs/services.md; empty: there are no services',
  ),
  serviceMemory: setting(size(16 * 2 ** 20), '512MiB', 'memory for each service, its files included'),
  serviceCpus: setting(amount(0.1, 512), 1, 'processors for each service'),
  servicePids: setting(integer(16, 32_768), 256, 'processes and threads for each service'),
  serviceStartSeconds: setting(integer(1, 3600), 120, 'time for a service to be ready, pulling its image included'),
  warmPool: setting(
    integerOr('auto', 0, 1_000),
    0,
    'sandboxes that stand ready for new sessions (docker, kubernetes); auto: at least one, and as many as the last ten ' +
      'minutes asked for at once, while memory is free',
  ),
});

export const egress = z.strictObject({
  policy: changeable(setting(oneOf(...policyNames), 'registries', `what a sandbox can reach (${policyLabels})`), {
    section: 'network',
    form: { kind: 'choice', options: policyNames },
  }),
  allow: changeable(setting(hosts(), [], 'hosts that the policy allow-list lets through'), {
    section: 'network',
    form: { kind: 'hosts' },
  }),
  registries: setting(hosts(), [], "package hosts beside those of the image's own package managers"),
  allowRanges: setting(networks(), [], 'private networks that may be reached all the same'),
  credentials: setting(
    credentials(),
    {},
    'secrets that the proxy adds to requests for their hosts, and that no sandbox sees, see docs/egress.md',
  ),
});

export const desktop = z.strictObject({
  maxViewers: setting(integer(1, 1_000), 16, 'viewers that watch one desktop at once'),
  controlIdleSeconds: setting(
    integer(5, day),
    120,
    'a person who does nothing for so long has given keyboard and mouse back',
  ),
  clipboard: setting(flag(), true, 'shares the clipboard of the viewer in control with the desktop'),
  geometry: setting(text('width x height such as 1280x800', /^\d{3,4}x\d{3,4}$/), '1280x800', 'pixels of the screen'),
  idleSeconds: setting(integer(0, day), 0, 'a desktop that nobody uses or watches is stopped after this; 0 is never'),
});

export const browser = z.strictObject({
  maxTabs: setting(integer(1, 100), 20, 'tabs an agent may have open; beyond them the oldest is closed'),
  maxDownload: setting(size(1), '200MiB', 'largest file that the browser may download'),
  screenshots: setting(integer(1, 10_000), 200, 'screenshots kept for each session, the newest'),
});

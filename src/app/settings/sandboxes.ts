import { z } from 'zod';
import { credentialsValue } from '../../config/credentials.ts';
import {
  booleanOrKeyword,
  booleanValue,
  byteSizeValue,
  hostList,
  integerOrKeyword,
  integerValue,
  networkList,
  numberValue,
  oneOf,
  textValue,
  wordList,
} from '../../config/kinds.ts';
import { defineOptionalSetting, defineSetting, markChangeable } from '../../config/setting.ts';
import { egressPolicyLabels, egressPolicyNames } from '../../sandboxes/egress/policies/list.ts';

const day = 24 * 60 * 60;

export const sandboxSection = z.strictObject({
  image: defineSetting(
    textValue('an image name'),
    'corral/sandbox',
    'image of every sandbox; the default is built on first use',
  ),
  isolation: defineSetting(
    oneOf('standard', 'strict'),
    'standard',
    'strict: only sandboxes with their own kernel (gVisor or Kata); the server does not start without one',
  ),
  desktop: defineSetting(
    booleanOrKeyword('auto'),
    'auto',
    'gives each sandbox a screen with a browser, from a larger image; 2GiB of memory is recommended; auto: with Docker, ' +
      'once the server has built that image in the background; otherwise false',
  ),
  memory: defineSetting(byteSizeValue(64 * 2 ** 20), '1GiB', 'memory for each sandbox'),
  cpus: defineSetting(numberValue(0.1, 512), 1, 'processors for each sandbox'),
  maxMemory: defineOptionalSetting(
    byteSizeValue(64 * 2 ** 20),
    'maximum memory that the creator of a session can choose for its sandbox; unset: the value of memory',
  ),
  maxCpus: defineOptionalSetting(
    numberValue(0.1, 512),
    'maximum processors that the creator of a session can choose for its sandbox; unset: the value of cpus',
  ),
  pids: defineSetting(integerValue(32, 32_768), 512, 'processes and threads for each sandbox'),
  disk: defineSetting(
    byteSizeValue(16 * 2 ** 20),
    '2GiB',
    'disk space of each sandbox, including its home; a sandbox that writes more is stopped',
  ),
  minFreeDisk: defineSetting(
    byteSizeValue(0),
    '2GiB',
    'free disk space below which no sandbox starts and the largest one is stopped; 0: no limit',
  ),
  idleSeconds: defineSetting(
    integerValue(1, 30 * day),
    1800,
    'time without use after which a sandbox is stopped; its files are kept',
  ),
  ttlSeconds: defineSetting(integerValue(60, 20 * day), day, 'age at which a sandbox is stopped; its files are kept'),
  startTimeoutSeconds: defineSetting(
    integerValue(1, 3600),
    300,
    'time for a sandbox to start, including building its image',
  ),
  maxStarting: defineSetting(
    integerValue(1, 64),
    4,
    'maximum number of sandboxes that start at the same time; more are queued',
  ),
  serviceImages: defineSetting(
    wordList('images such as redis:7.4, or redis:* for every tag', /^[a-z0-9][\w.:@/-]*(:\*)?$/),
    [],
    'images allowed for services next to sandboxes, see docs/services.md; empty: no services',
  ),
  serviceMemory: defineSetting(byteSizeValue(16 * 2 ** 20), '512MiB', 'memory for each service, including its files'),
  serviceCpus: defineSetting(numberValue(0.1, 512), 1, 'processors for each service'),
  servicePids: defineSetting(integerValue(16, 32_768), 256, 'processes and threads for each service'),
  serviceStartSeconds: defineSetting(
    integerValue(1, 3600),
    120,
    'time for a service to be ready, including pulling its image',
  ),
  warmPool: defineSetting(
    integerOrKeyword('auto', 0, 1_000),
    0,
    'sandboxes kept ready for new sessions (docker, kubernetes); auto: at least one, and as many as were needed at the same time ' +
      'in the last ten minutes, while memory is free',
  ),
});

export const egressSection = z.strictObject({
  policy: markChangeable(
    defineSetting(oneOf(...egressPolicyNames), 'registries', `what a sandbox can reach (${egressPolicyLabels})`),
    {
      section: 'network',
      form: { kind: 'choice', options: egressPolicyNames },
    },
  ),
  allow: markChangeable(defineSetting(hostList(), [], 'hosts that the policy allow-list allows'), {
    section: 'network',
    form: { kind: 'hosts' },
  }),
  registries: defineSetting(hostList(), [], "package hosts in addition to those of the image's package managers"),
  allowRanges: defineSetting(networkList(), [], 'private networks that sandboxes can reach'),
  credentials: defineSetting(
    credentialsValue(),
    {},
    'secrets that the proxy adds to requests for their hosts; sandboxes never see them, see docs/egress.md',
  ),
});

export const desktopSection = z.strictObject({
  maxViewers: defineSetting(integerValue(1, 1_000), 16, 'maximum number of viewers of one desktop at the same time'),
  controlIdleSeconds: defineSetting(
    integerValue(5, day),
    120,
    'time without input after which a person loses control of the keyboard and mouse',
  ),
  clipboard: defineSetting(booleanValue(), true, 'shares the clipboard of the viewer in control with the desktop'),
  geometry: defineSetting(
    textValue('width x height such as 1280x800', /^\d{3,4}x\d{3,4}$/),
    '1280x800',
    'pixels of the screen',
  ),
  idleSeconds: defineSetting(
    integerValue(0, day),
    0,
    'time without use or viewers after which a desktop is stopped; 0: never',
  ),
});

export const browserSection = z.strictObject({
  maxTabs: defineSetting(
    integerValue(1, 100),
    20,
    'maximum number of open tabs of an agent; the oldest is closed first',
  ),
  maxDownload: defineSetting(byteSizeValue(1), '200MiB', 'largest file that the browser can download'),
  screenshots: defineSetting(integerValue(1, 10_000), 200, 'number of newest screenshots kept per session'),
});

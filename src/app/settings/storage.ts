import { z } from 'zod';
import {
  byteSizeValue,
  integerValue,
  listOf,
  oneOf,
  secretTextValue,
  textValue,
  urlValue,
} from '../../config/kinds.ts';
import {
  defineOptionalSecret,
  defineOptionalSetting,
  defineSetting,
  markChangeable,
  type SettingEditor,
  type SettingForm,
} from '../../config/setting.ts';

type Unit = Extract<SettingForm, { kind: 'amount' }>['unit'];
const keptIn = (unit: Unit): SettingEditor => ({ section: 'retention', form: { kind: 'amount', unit } });

export const storageSection = z.strictObject({
  kind: defineSetting(
    oneOf('auto', 'local', 's3', 'volume', 'mongo'),
    'auto',
    'where uploads are kept: the data folder, S3, a mounted folder, or with the history in MongoDB; auto is mongo with MONGODB_URL, else local',
  ),
  path: defineOptionalSetting(
    textValue('a folder'),
    'the mounted folder; for local, a folder to use instead of files in the data folder',
  ),
  s3: z.strictObject({
    endpoint: defineOptionalSetting(
      urlValue('https', 'http'),
      "an S3-compatible server to use instead of the region's own",
    ),
    region: defineSetting(textValue('a region'), 'us-east-1', 'region of the bucket', 'AWS_REGION'),
    bucket: defineOptionalSetting(textValue('the name of a bucket that exists'), 'bucket of the uploads'),
    prefix: defineSetting(textValue('a path such as corral/', /^([^/]+\/)*$/), '', 'prefix of all object names'),
    accessKeyId: defineOptionalSecret(secretTextValue(), 'access key', 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: defineOptionalSecret(secretTextValue(), 'its secret', 'AWS_SECRET_ACCESS_KEY'),
  }),
});

export const keysSection = z.strictObject({
  encryptionKey: defineOptionalSecret(
    secretTextValue('32 bytes as hex or base64; more after commas only decrypt what they encrypted'),
    'encrypts the stored keys of model providers; generated in the data folder if neither this nor the file is set',
  ),
  encryptionKeyFile: defineOptionalSetting(textValue('a file'), 'file with these keys, one per line'),
});

export const retentionSection = z.strictObject({
  days: markChangeable(
    defineSetting(integerValue(0, 36_500), 0, 'time after its last event when a finished session is deleted; 0: never'),
    keptIn('days'),
  ),
  maxSessions: markChangeable(
    defineSetting(
      integerValue(0),
      0,
      'maximum number of stored sessions; finished ones idle the longest are deleted first; 0: no limit',
    ),
    keptIn('count'),
  ),
  maxBytes: markChangeable(
    defineSetting(
      byteSizeValue(0),
      0,
      'maximum total size of all histories; finished sessions idle the longest are deleted first; 0: no limit',
    ),
    keptIn('bytes'),
  ),
  maxSessionBytes: markChangeable(
    defineSetting(
      byteSizeValue(0),
      0,
      'maximum history of an idle session; its oldest events are deleted first; 0: no limit',
    ),
    keptIn('bytes'),
  ),
});

const memoryUses = ['off', 'read', 'write'] as const;
export const memorySection = z.strictObject({
  agents: markChangeable(
    defineSetting(
      oneOf(...memoryUses),
      'off',
      'whether agents read, or also write, notes that outlive their sessions, see docs/memory.md; a template can override it',
    ),
    { section: 'memory', form: { kind: 'choice', options: memoryUses } },
  ),
  maxNoteBytes: defineSetting(byteSizeValue(1, 1024 * 1024), '64KiB', 'maximum size of a note'),
  maxBytes: defineSetting(
    byteSizeValue(1, 64 * 1024 * 1024),
    '4MiB',
    'total size of the notes of a person or a project; earlier versions can take as much again, the oldest are deleted first',
  ),
  maxVersions: defineSetting(integerValue(2, 100), 20, 'number of newest versions kept per note'),
  days: defineSetting(integerValue(0, 36_500), 0, 'time without changes after which a note is deleted; 0: never'),
  historyDays: defineSetting(
    integerValue(0, 36_500),
    90,
    'time after which earlier versions and deleted notes are removed; 0: never',
  ),
});

export const snapshotsSection = z.strictObject({
  keep: defineSetting(
    integerValue(0, 1_000),
    10,
    'number of copies of its files kept per session, from its newest steps and runs, for forks; 0: none',
  ),
  maxBytes: defineSetting(byteSizeValue(1), '256MiB', 'maximum size of a workspace that is copied'),
  sessionBytes: defineSetting(
    byteSizeValue(1),
    '1GiB',
    "total size of a session's copies; the oldest are deleted first",
  ),
  ownerBytes: defineSetting(
    byteSizeValue(1),
    '10GiB',
    "total size of an owner's named snapshots; at the limit no more are created",
  ),
  ownerCount: defineSetting(integerValue(0), 200, 'maximum number of named snapshots per owner; 0: none'),
});

export const volumesSection = z.strictObject({
  bytes: defineSetting(byteSizeValue(1), '1GiB', 'default quota of a volume'),
  maxBytes: defineSetting(byteSizeValue(1), '10GiB', 'maximum quota of a volume'),
  ownerBytes: defineSetting(byteSizeValue(1), '50GiB', "total quota of an owner's volumes"),
  ownerCount: defineSetting(integerValue(0), 50, 'maximum number of volumes per owner; 0: none'),
});

export const buildsSection = z.strictObject({
  allow: defineSetting(
    oneOf('off', 'on'),
    'off',
    'whether people and programs can build templates; steps run as root, in containers that are otherwise isolated like sandboxes',
  ),
  images: defineSetting(
    listOf('images, or name=image', z.string().regex(/^[A-Za-z0-9][^\s=,]{0,250}(=[A-Za-z0-9][^\s=,]{0,250})?$/)),
    [
      'e2bdev/base=corral/sandbox',
      'e2bdev/code-interpreter=corral/sandbox-code',
      'corral/sandbox',
      'corral/sandbox-code',
    ],
    'images that built templates can be based on; a name before `=` is an alias of the image after it',
  ),
  maxSeconds: defineSetting(integerValue(1, 86_400), 1_800, 'maximum time of a build'),
  atOnce: defineSetting(
    integerValue(1, 100),
    2,
    'maximum number of builds at the same time per server; more are queued',
  ),
  ownerCount: defineSetting(integerValue(0), 20, 'maximum number of built templates per owner; 0: none'),
  ownerFileBytes: defineSetting(
    byteSizeValue(1),
    '2GiB',
    'total size of files that an owner can upload for COPY per day',
  ),
});

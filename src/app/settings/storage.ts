import { z } from 'zod';
import { integer, listOf, oneOf, secret, size, text, url } from '../../config/kinds.ts';
import {
  type ChangeableSetting,
  changeable,
  optional,
  optionalSecret,
  type SettingForm,
  setting,
} from '../../config/setting.ts';

// The settings of what is kept: where, sealed by which keys, and for how long.

type Unit = Extract<SettingForm, { kind: 'amount' }>['unit'];
const keptIn = (unit: Unit): ChangeableSetting => ({ section: 'retention', form: { kind: 'amount', unit } });

export const storage = z.strictObject({
  kind: setting(
    oneOf('auto', 'local', 's3', 'volume', 'mongo'),
    'auto',
    'where uploads are kept: the data folder, S3, a mounted folder, or beside the history in MongoDB; auto is mongo with MONGODB_URL, else local',
  ),
  path: optional(text('a folder'), 'the mounted folder; for local another one than files in the data folder'),
  s3: z.strictObject({
    endpoint: optional(url('https', 'http'), "another server that speaks S3 than the region's own"),
    region: setting(text('a region'), 'us-east-1', 'region of the bucket', 'AWS_REGION'),
    bucket: optional(text('the name of a bucket that exists'), 'bucket of the uploads'),
    prefix: setting(text('a path such as corral/', /^([^/]+\/)*$/), '', 'stands before the names of all objects'),
    accessKeyId: optionalSecret(secret(), 'access key', 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: optionalSecret(secret(), 'its secret', 'AWS_SECRET_ACCESS_KEY'),
  }),
});

export const keys = z.strictObject({
  encryptionKey: optionalSecret(
    secret('32 bytes as hex or base64; further ones after commas only open what they sealed'),
    'seals the stored keys of model providers; one is made in the data folder where neither this nor the file is set',
  ),
  encryptionKeyFile: optional(text('a file'), 'the same, one key to a line'),
});

export const retention = z.strictObject({
  days: changeable(
    setting(integer(0, 36_500), 0, 'a finished session is deleted when nothing happened in it for so long; 0 is never'),
    keptIn('days'),
  ),
  maxSessions: changeable(
    setting(
      integer(0),
      0,
      'beyond so many stored sessions the finished ones that rested longest are deleted; 0 is no limit',
    ),
    keptIn('count'),
  ),
  maxBytes: changeable(
    setting(size(0), 0, 'the same by the size of all their histories together; 0 is no limit'),
    keptIn('bytes'),
  ),
  maxSessionBytes: changeable(
    setting(size(0), 0, 'beyond this the oldest events of a resting session go; 0 is no limit'),
    keptIn('bytes'),
  ),
});

const memoryUses = ['off', 'read', 'write'] as const;
export const memory = z.strictObject({
  agents: changeable(
    setting(
      oneOf(...memoryUses),
      'off',
      'whether agents read, or also write, notes that outlive their sessions, see docs/memory.md; a template can choose otherwise',
    ),
    { section: 'memory', form: { kind: 'choice', options: memoryUses } },
  ),
  maxNoteBytes: setting(size(1, 1024 * 1024), '64KiB', 'the longest note'),
  maxBytes: setting(
    size(1, 64 * 1024 * 1024),
    '4MiB',
    'all notes of a person or a project together; earlier versions may take as much again, then the oldest go',
  ),
  maxVersions: setting(integer(2, 100), 20, 'versions that a note keeps, the newest'),
  days: setting(integer(0, 36_500), 0, 'a note is deleted when nobody changed it for so long; 0 is never'),
  historyDays: setting(
    integer(0, 36_500),
    90,
    'earlier versions, and notes that were deleted, are forgotten after this time; 0 is never',
  ),
});

export const snapshots = z.strictObject({
  keep: setting(
    integer(0, 1_000),
    10,
    'copies of its files that a session keeps, from the ends of its newest steps and runs; forks begin with them; 0 makes none',
  ),
  maxBytes: setting(size(1), '256MiB', 'no copy is made of a workspace whose files are larger together'),
  sessionBytes: setting(size(1), '1GiB', 'all copies of a session together; beyond that the oldest go'),
  ownerBytes: setting(size(1), '10GiB', 'all named snapshots of an owner together; beyond that no more are made'),
  ownerCount: setting(integer(0), 200, 'named snapshots of an owner; 0 makes none'),
});

export const volumes = z.strictObject({
  bytes: setting(size(1), '1GiB', 'what a volume may hold whose creator names no quota'),
  maxBytes: setting(size(1), '10GiB', 'the largest quota of a volume'),
  ownerBytes: setting(size(1), '50GiB', 'the quotas of all volumes of an owner together'),
  ownerCount: setting(integer(0), 50, 'volumes of an owner; 0 makes none'),
});

/** Templates that owners build of steps. */
export const builds = z.strictObject({
  allow: setting(
    oneOf('off', 'on'),
    'off',
    'whether people and programs build templates; their steps run as root, in containers with the other walls of a sandbox',
  ),
  images: setting(
    listOf('images, or name=image', z.string().regex(/^[A-Za-z0-9][^\s=,]{0,250}(=[A-Za-z0-9][^\s=,]{0,250})?$/)),
    [
      'e2bdev/base=corral/sandbox',
      'e2bdev/code-interpreter=corral/sandbox-code',
      'corral/sandbox',
      'corral/sandbox-code',
    ],
    'the images with which built templates can begin; a name before `=` stands for the image behind it',
  ),
  maxSeconds: setting(integer(1, 86_400), 1_800, 'the longest time of a build'),
  atOnce: setting(integer(1, 100), 2, 'builds that one server runs at once; more wait'),
  ownerCount: setting(integer(0), 20, 'built templates of an owner; 0 lets none be built'),
  ownerFileBytes: setting(size(1), '2GiB', 'files that an owner uploads for COPY in a day, together'),
});

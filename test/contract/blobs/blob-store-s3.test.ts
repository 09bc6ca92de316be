// @module-tag all
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { openS3Blobs } from '../../../src/storage/blobs/s3/s3.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { blobStoreContract, pieces } from './blob-store.ts';

// A real S3 server, which a script outside this repository starts: S3_ENDPOINT and its keys give the address.
const { S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = process.env;
const bucket = `corral-${process.pid}`;
const options = (folder: string, more = {}) => ({
  endpoint,
  region: 'us-east-1',
  bucket,
  prefix: 'files/',
  accessKeyId: AWS_ACCESS_KEY_ID,
  secretAccessKey: new Secret(AWS_SECRET_ACCESS_KEY),
  spoolFolder: join(folder, 'spool'),
  now: 0,
  ...more,
});
const client = () =>
  new S3Client({
    region: 'us-east-1',
    endpoint: endpoint as string,
    forcePathStyle: true,
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
  });

if (endpoint) {
  beforeAll(async () => void (await client().send(new CreateBucketCommand({ Bucket: bucket }))));

  blobStoreContract('s3', async () => {
    const folder = temporaryFolder();
    const blobs = await openS3Blobs(options(folder.path));
    return {
      blobs,
      async everything() {
        const { Contents = [] } = await client().send(new ListObjectsV2Command({ Bucket: bucket }));
        return [...Contents.map(({ Key }) => `${Key}`), ...readdirSync(join(folder.path, 'spool'))].sort();
      },
      async [Symbol.asyncDispose]() {
        blobs[Symbol.dispose]();
        folder[Symbol.dispose]();
      },
    };
  });
}

describe('s3 blobs that cannot work', () => {
  const needsS3 = (context: TestContext) => {
    if (endpoint) return;
    if (process.env.CI === 'true') throw new Error('needed in CI: S3_ENDPOINT names a server that speaks S3');
    context.skip('needs S3_ENDPOINT, a server that speaks S3');
  };
  const signal = new AbortController().signal;

  test('a bucket that does not exist is named as what is wrong', async (context) => {
    needsS3(context);
    using folder = temporaryFolder();
    using blobs = await openS3Blobs(options(folder.path, { bucket: 'corral-no-such-bucket' }));
    const expected = { code: 'store_unavailable', publicMessage: 'The bucket for files does not exist.' };
    await expect(blobs.check(signal)).rejects.toMatchObject(expected);
  });

  test('a key that is refused is named as what is wrong, without the key', async (context) => {
    needsS3(context);
    using folder = temporaryFolder();
    using blobs = await openS3Blobs(options(folder.path, { secretAccessKey: new Secret('wrong-secret-key') }));
    const refused = await blobs.check(signal).catch((error: unknown) => error);
    const expected = { code: 'store_unavailable', publicMessage: expect.stringContaining('rejected the access key') };
    expect(refused).toMatchObject(expected);
    expect(String(refused)).not.toContain('wrong-secret-key');
  });

  test('a server that is not there is unavailable, and nothing stays in the spool', async () => {
    using folder = temporaryFolder();
    using blobs = await openS3Blobs(options(folder.path, { endpoint: 'http://127.0.0.1:1', accessKeyId: 'a' }));
    const put = blobs.put('x', pieces('x'), { maxBytes: 10, signal });
    await expect(put).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(readdirSync(join(folder.path, 'spool'))).toEqual([]);
  });
});

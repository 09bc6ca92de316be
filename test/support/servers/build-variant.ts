import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Variant = 'desktop' | 'code';

/** Builds an image of sandboxes as operators do. A server of the same tree then finds it built, without a tag too. */
export async function buildVariant(variant: Variant, image?: string): Promise<void> {
  const args = ['--disable-warning=ExperimentalWarning', 'src/app/main.ts', 'build-image', `--${variant}`];
  if (image !== undefined) args.push('--tag', image);
  const folder = await mkdtemp(join(tmpdir(), `corral-${variant}-image-`));
  try {
    const env = { ...process.env, CORRAL_DATA_DIR: folder };
    await promisify(execFile)(process.execPath, args, { env, timeout: 580_000, maxBuffer: 2 ** 26 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

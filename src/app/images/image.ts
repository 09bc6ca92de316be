import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildContext, DriverContext } from '../../../drivers/descriptor.ts';
import type { Config } from '../settings/config.ts';

const images = fileURLToPath(new URL('../../../sandbox-images', import.meta.url));
/** Shipped prebuilt in the npm package and the server's image. */
const built = join(images, 'sandboxd.mjs');
export const initScriptPath = join(images, 'init.sh');
export const sudoScriptPath = join(images, 'sudo');
export const browserPolicyPath = join(images, 'browser-policy.json');

export function createDaemonBundler(dataDir: string): () => Promise<string> {
  let created: Promise<string> | undefined;
  const make = async () => {
    const outfile = join(dataDir, 'image', 'sandboxd.mjs');
    await mkdir(join(dataDir, 'image'), { recursive: true, mode: 0o700 });
    if (existsSync(built)) await copyFile(built, outfile);
    else await (await import('./bundle-sandboxd.ts')).bundleSandboxd(outfile);
    await chmod(outfile, 0o644); // set regardless of the umask, because sandboxes run the file as another user
    return outfile;
  };
  return () => {
    created ??= make().catch((error: unknown) => {
      created = undefined;
      throw error;
    });
    return created;
  };
}

const names = {
  base: 'corral/sandbox',
  desktop: 'corral/sandbox-desktop',
  agents: 'corral/sandbox-agents',
  code: 'corral/sandbox-code',
  tools: 'corral/sandbox-tools',
} as const;
export const baseImage: string = names.base;
export const desktopImage: string = names.desktop;
export const codeImage: string = names.code;
const own: ReadonlySet<string> = new Set([names.base, names.desktop, names.code]);
export const isBundledImage = (image: string): boolean => own.has(image);

export const createBundledImages = (bundle: () => Promise<string>): DriverContext['ourImages'] => ({
  base: { name: baseImage, context: () => createBaseImageContext(bundle) },
  desktop: { name: desktopImage, context: () => createDesktopImageContext(bundle) },
  agents: { name: names.agents, context: () => onTools(bundle, 'Dockerfile.agents', 'agent-settings.json') },
  code: { name: codeImage, context: () => onTools(bundle, 'Dockerfile.code') },
});

/** `auto`: sandboxes get a desktop once the server has built the desktop image. */
export function resolveDesktopSetting({ sandbox: { desktop, image } }: Config): boolean | 'auto' {
  if (image === names.desktop) return true;
  if (image === names.code) return false;
  return desktop === 'auto' && image !== names.base ? false : desktop;
}

export const resolveSandboxImage = ({ sandbox: { image } }: Config, hasDesktop: boolean): string =>
  hasDesktop && image === names.base ? names.desktop : image;

export function createDesktopEnv(config: Config, hasDesktop: boolean): Record<string, string> {
  if (!hasDesktop) return { CORRAL_DESKTOP: 'off' };
  const { clipboard, geometry, idleSeconds } = config.desktop;
  const [width = '', height = ''] = geometry.split('x');
  return {
    CORRAL_DESKTOP: 'on',
    CORRAL_DESKTOP_WIDTH: width,
    CORRAL_DESKTOP_HEIGHT: height,
    CORRAL_DESKTOP_CLIPBOARD: String(clipboard),
    CORRAL_DESKTOP_IDLE_MS: String(idleSeconds * 1_000),
  };
}

export async function createBaseImageContext(bundle: () => Promise<string>): Promise<BuildContext> {
  return await prepareContext(bundle, []);
}

export async function createDesktopImageContext(bundle: () => Promise<string>): Promise<BuildContext> {
  return await onTools(bundle, 'Dockerfile.desktop', 'browser-policy.json');
}

/** Builds on the `tools` stage, which does not depend on the daemon. */
async function onTools(bundle: () => Promise<string>, dockerfile: string, ...more: string[]): Promise<BuildContext> {
  const context = await prepareContext(bundle, [dockerfile, ...more]);
  const tools = await hashFiles(context.folder, ['Dockerfile']);
  return { ...context, on: { dockerfile, stage: 'tools', tag: `${names.tools}:${tools}` } };
}

async function prepareContext(bundle: () => Promise<string>, more: readonly string[]): Promise<BuildContext> {
  const folder = join(await bundle(), '..');
  const copied = ['Dockerfile', 'init.sh', 'sudo', ...more];
  for (const name of copied) await copyWhole(join(images, name), join(folder, name));
  const files = [...copied, 'sandboxd.mjs'];
  return { folder, files, hash: await hashFiles(folder, files) };
}

/** Replaces the file atomically, because another build may be reading it. */
async function copyWhole(from: string, to: string): Promise<void> {
  const aside = `${to}.${process.pid}.${++copies}`;
  await copyFile(from, aside);
  await rename(aside, to);
}
let copies = 0;

async function hashFiles(folder: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const name of files) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}

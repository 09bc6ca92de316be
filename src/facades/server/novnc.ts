import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { App } from '../../http/routes/routes.ts';
import { mountAssets } from './assets.ts';

// Serves noVNC unchanged from the installed package: the desktop's page loads its modules only from here.
const root = new URL('../', pathToFileURL(createRequire(import.meta.url).resolve('@novnc/novnc')));
const folders = {
  novncCore: 'core',
  novncCrypto: 'core/crypto',
  novncDecoders: 'core/decoders',
  novncInput: 'core/input',
  novncUtil: 'core/util',
  novncPako: 'vendor/pako/lib/zlib',
  novncPakoUtil: 'vendor/pako/lib/utils',
};

export function mountNovnc(app: App, headers: Readonly<Record<string, string>>): void {
  for (const [operationId, folder] of Object.entries(folders)) {
    const url = new URL(`${folder}/`, root);
    const names = readdirSync(url).filter((name) => name.endsWith('.js'));
    mountAssets(app, {
      path: `/static/novnc/${folder}`,
      operationId,
      summary: `The VNC client of the desktop's page (noVNC, MPL 2.0): ${folder}`,
      files: new Map(names.map((name) => [name, new URL(name, url)])),
      headers,
    });
  }
}

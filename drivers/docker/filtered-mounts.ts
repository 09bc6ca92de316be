import { readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type Dockerode from 'dockerode';
import { AppError } from '../../src/core/errors/errors.ts';
import type { SandboxId } from '../../src/core/model/ids.ts';
import type { Mounts } from '../shared/mounts.ts';
import { callEngine, statusOf } from './engine.ts';

const patienceMs = 10_000;
// The kernel's limit for a Unix socket's path is 107 bytes.
const maxRoot = 107 - '/sbx-0123456789abcdef/control.0123456789ab'.length;

/** The folders of an engine filter, which creates and removes them for the server. */
export function filteredMounts(engine: Dockerode, folder: string): Mounts {
  const root = resolve(folder);
  if (Buffer.byteLength(root) > maxRoot) {
    throw new AppError('invalid_request', `CORRAL_DOCKER_SOCKETS_DIR may have ${maxRoot} bytes, for Unix sockets.`);
  }
  const path = (id: SandboxId) => join(root, id);
  const filter = (method: 'PUT' | 'DELETE', id: SandboxId) =>
    callEngine(
      AbortSignal.timeout(patienceMs),
      () =>
        new Promise<void>((done, fail) => {
          const options = { path: `/corral/sockets/${id}`, method, statusCodes: { 204: true } };
          engine.modem.dial(options, (error) => (error ? fail(error) : done()));
        }),
    );
  return {
    path,
    async make(id) {
      await filter('PUT', id).catch((error) => {
        if (statusOf(error) !== 404) throw error;
        throw new AppError(
          'driver_unavailable',
          'CORRAL_DOCKER_SOCKETS_DIR is set, but DOCKER_HOST leads to an engine, not to an engine filter. Start the ' +
            'filter (see docs/deploy.md), or unset CORRAL_DOCKER_SOCKETS_DIR.',
          { cause: error },
        );
      });
      if (await stat(path(id)).catch(() => undefined)) return;
      throw new AppError(
        'driver_unavailable',
        `The engine filter made a folder that is not at ${path(id)} here. CORRAL_DOCKER_SOCKETS_DIR has to be the ` +
          "filter's --root, under the same path.",
      );
    },
    async remove(id) {
      const names = await readdir(path(id)).catch(() => []);
      await Promise.all(names.map((name) => rm(join(path(id), name), { recursive: true, force: true })));
      await filter('DELETE', id);
    },
  };
}

import type { Config } from '../config/config.ts';
import { AppError } from '../core/errors.ts';

/** An engine's runtimes and the program of each, by name. */
export type Runtimes = Readonly<Record<string, string>>;

/** The programs of gVisor and Kata, by the names that engines use. */
const strong = /(^|[-./])(runsc|kata)/;
const install =
  'Install gVisor (https://gvisor.dev/docs/user_guide/install) or Kata Containers, or set CORRAL_SANDBOX_ISOLATION=standard.';

/**
 * With `sandbox.isolation: strict`: the config whose sandboxes get their own kernel. Rejects if no such runtime exists.
 */
export async function isolated(config: Config, runtimesAt: (host: string) => Promise<Runtimes>): Promise<Config> {
  if (config.sandbox.isolation === 'standard') return config;
  const refuse = (why: string) => {
    const what = 'CORRAL_SANDBOX_ISOLATION is strict, so every sandbox needs a kernel of its own (gVisor or Kata)';
    return new AppError('invalid_request', `${what}, and ${why}`);
  };
  if (config.driver === 'process' || config.driver === 'memory') {
    throw refuse(
      `the driver ${config.driver} has none to give: use CORRAL_DRIVER=docker or kubernetes, or set CORRAL_SANDBOX_ISOLATION=standard.`,
    );
  }
  if (config.driver === 'kubernetes') {
    if (config.kubernetes.runtimeClass !== undefined) return config; // the cluster knows the class's handler
    throw refuse(
      'no runtime class is named: set CORRAL_KUBERNETES_RUNTIME_CLASS to a class of the cluster whose handler is gVisor or Kata.',
    );
  }
  const host = config.docker.host ?? 'unix:///var/run/docker.sock';
  const runtimes = await runtimesAt(host).catch((cause: unknown) => {
    throw refuse(`no Docker engine answers at ${host} (DOCKER_HOST) that could be asked for its runtimes: ${cause}`);
  });
  const isStrong = (name: string) => name in runtimes && (strong.test(name) || strong.test(runtimes[name] ?? ''));
  const wanted = config.docker.runtime;
  const runtime = wanted ?? Object.keys(runtimes).find(isStrong);
  const known = Object.keys(runtimes).join(', ');
  if (runtime === undefined) throw refuse(`the Docker engine has only the runtimes ${known}. ${install}`);
  if (!isStrong(runtime)) {
    throw refuse(
      `CORRAL_DOCKER_RUNTIME is ${runtime}, which is not one of them; the Docker engine has ${known}. ${install}`,
    );
  }
  // `auto` must not fall back to processes.
  return { ...config, driver: 'docker', docker: { ...config.docker, runtime } };
}

import type { AppError } from '../../src/core/errors/errors.ts';

export type EngineRuntimes = Readonly<Record<string, string>>;

export const usesHostKernel = (runtime: string | undefined): boolean =>
  runtime === undefined || /^(runc|crun|youki)$/.test(runtime);

const strong = /(^|[-./])(runsc|kata)/;
const install =
  'Install gVisor (https://gvisor.dev/docs/user_guide/install) or Kata Containers, or set CORRAL_SANDBOX_ISOLATION=standard.';

/**
 * Picks the first strict runtime if none is configured. Rejects if there is none, the configured one is not strict, or
 * the engine does not answer.
 */
export async function findStrictRuntime(
  { host, runtime: target }: { host: string; runtime: string | undefined },
  ask: () => Promise<EngineRuntimes>,
  refuse: (why: string) => AppError,
): Promise<string> {
  const runtimes = await ask().catch((cause: unknown) => {
    throw refuse(`no Docker engine answers at ${host} (DOCKER_HOST), so its runtimes are unknown: ${cause}`);
  });
  const isStrong = (name: string) => name in runtimes && (strong.test(name) || strong.test(runtimes[name] ?? ''));
  const runtime = target ?? Object.keys(runtimes).find(isStrong);
  const known = Object.keys(runtimes).join(', ');
  if (runtime === undefined) throw refuse(`the Docker engine has only the runtimes ${known}. ${install}`);
  if (!isStrong(runtime)) {
    throw refuse(
      `CORRAL_DOCKER_RUNTIME is ${runtime}, which is not one of them; the Docker engine has ${known}. ${install}`,
    );
  }
  return runtime;
}

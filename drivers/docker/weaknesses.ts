import { z } from 'zod';
import type { CallOptions } from '../driver.ts';
import { callEngine, openDockerEngine } from './engine.ts';

const Version = z.object({
  Version: z.string(),
  Components: z.array(z.object({ Name: z.string(), Version: z.string() })).default([]),
});
const Info = z.object({
  SecurityOptions: z.array(z.string()).nullable().default([]),
  Runtimes: z.record(z.string(), z.unknown()).nullable().default({}),
});
const Program = z.object({ path: z.string().default('') });
export interface EngineInfo {
  readonly engine: string;
  readonly runc: string | undefined;
  readonly security: readonly string[];
  readonly runtimes: readonly string[];
}

type Numbers = readonly [number, number, number];
interface FixedVersions {
  /** How many version components identify a release line. */
  readonly names: number;
  /** In each release line, the first version without a known container escape. */
  readonly fixed: readonly [Numbers, ...Numbers[]];
}
const engineLines: FixedVersions = {
  names: 1,
  fixed: [
    [25, 0, 5],
    [26, 0, 0],
  ],
};
const runcLines: FixedVersions = {
  names: 2,
  fixed: [
    [1, 2, 8],
    [1, 3, 3],
    [1, 4, 0],
  ],
};

export function listEngineWeaknesses(
  { engine, runc, security, runtimes }: EngineInfo,
  target: string | undefined,
): string[] {
  const found: string[] = [];
  const old = (what: string, version: string, least: string) =>
    found.push(
      `${what} ${version} has known vulnerabilities that let code leave a container, unless your distribution has fixed ` +
        `them. Update to ${least} or later.`,
    );
  if (isBelow(engine, engineLines)) old('The Docker engine', engine, '25.0.5');
  const isRunc = target === undefined || target === 'runc';
  if (isRunc && runc !== undefined && isBelow(runc, runcLines)) old('runc', runc, '1.2.8');
  if (!security.some((option) => /^name=seccomp(,profile=(?!unconfined)|$)/.test(option))) {
    found.push('The Docker engine does not filter system calls (seccomp is off). Turn its default profile on again.');
  }
  if (target !== undefined && !runtimes.includes(target)) {
    const known = runtimes.filter((name) => !name.startsWith('io.')).join(', ');
    found.push(
      `The Docker engine has no runtime ${target} (CORRAL_DOCKER_RUNTIME), so nothing will start; it has ${known}.`,
    );
  }
  return found;
}

/** Maps each runtime's name to its program. Rejects if the engine does not answer. */
export async function readEngineRuntimes(host: string, { signal }: CallOptions): Promise<Record<string, string>> {
  const engine = openDockerEngine(host);
  const { Runtimes } = Info.parse(await callEngine(signal, () => engine.info()));
  return Object.fromEntries(Object.entries(Runtimes ?? {}).map(([name, it]) => [name, Program.parse(it).path]));
}

export async function readEngineWeaknesses(
  host: string,
  target: string | undefined,
  { signal }: CallOptions,
): Promise<string[]> {
  const engine = openDockerEngine(host);
  const [version, info] = await Promise.all([
    callEngine(signal, () => engine.version()).then((it) => Version.parse(it)),
    callEngine(signal, () => engine.info()).then((it) => Info.parse(it)),
  ]);
  const facts = {
    engine: version.Version,
    runc: version.Components.find(({ Name }) => Name === 'runc')?.Version,
    security: info.SecurityOptions ?? [],
    runtimes: Object.keys(info.Runtimes ?? {}),
  };
  return listEngineWeaknesses(facts, target);
}

function isBelow(version: string, { names, fixed }: FixedVersions): boolean {
  const [, ...parts] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  if (parts.length === 0) return false; // a custom build
  const values = parts.map((part) => Number(part ?? 0));
  const least = fixed.find((one) => one.slice(0, names).every((part, n) => part === values[n])) ?? fixed[0];
  const at = least.findIndex((part, n) => part !== values[n]);
  if (at < 0) return /^[\d.]+-(rc|alpha|beta)/.test(version);
  return (values[at] ?? 0) < (least[at] ?? 0);
}

import { dirname, join, resolve } from 'node:path';
import type { Driver } from '../../../drivers/driver.ts';
import { findRequestedPackages, type Packages } from '../../core/model/packages.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { deniesByDefault, type EgressRestriction, isEgressRules } from '../../core/model/sandboxes/egress-choice.ts';
import type { ServiceRecipes } from '../../core/model/services/recipe.ts';
import { formatMiB } from '../../core/text/text.ts';
import { findEgressPolicy } from '../../sandboxes/egress/policies/list.ts';
import type { ServerPrompts } from '../../sessions/engine/run-contexts.ts';
import { readPromptParts } from '../../sessions/run/prompt/overrides.ts';
import { codeImage, isBundledImage } from '../images/image.ts';
import type { Config } from '../settings/config.ts';
import type { SandboxSettings } from './session-configs.ts';

type Isolation = Driver['capabilities']['isolation'];
type Settings = Pick<Config, 'sandbox' | 'egress'>;

/** Files in this folder replace parts of the prompt. */
export const resolvePromptFolder = (named: string | undefined): string =>
  join(dirname(resolve(named || 'corral.yaml')), 'prompts');

/** Throws invalid_request if a file in the folder is invalid. */
export const createPrompts = (
  settingsOf: (session: SessionRecord) => Pick<SandboxSettings, 'config' | 'packages' | 'services' | 'within'>,
  isolation: Isolation,
): ServerPrompts => ({
  parts: readPromptParts(resolvePromptFolder(process.env.CORRAL_CONFIG)),
  about(session) {
    const { config, packages, services, within } = settingsOf(session);
    return {
      installed:
        describeInstalledPrograms(config, isolation) + describePackages(packages) + describeRepositories(session),
      network: describeNetwork(config, isolation) + describeEgressRestriction(within) + describeServices(services),
    };
  },
});

export function describeInstalledPrograms(config: Settings, isolation: Isolation): string {
  const lookFirst = 'Check with `command -v` that a program is there before you rely on it.';
  if (isolation === 'none') return `The programs are those of the server's own machine. ${lookFirst}`;
  const limits = limitsOf(config.sandbox);
  if (isolation === 'namespaces') return `The programs are those of the server's machine. ${lookFirst} ${limits}`;
  const { image } = config.sandbox;
  if (!isBundledImage(image)) return `The image is ${image}. ${lookFirst} ${limits}`;
  return (
    `Installed: Debian 12, Bash, Git, curl, ripgrep (\`rg\`), Python 3 with pip and venv${
      image === codeImage ? ', numpy, pandas, matplotlib' : ''
    }, Node.js 24 with npm. ` + `You are not root and cannot install system packages. ${limits}`
  );
}

export const describePackages = (packages: Packages): string =>
  findRequestedPackages(packages)
    .map(([manager, names]) => ` Installed with ${manager}: ${names.join(', ')}.`)
    .join('');

export const describeServices = (services: ServiceRecipes): string => {
  const named = Object.entries(services).map(([name, { image, ports }]) => {
    const where = ports.length === 0 ? name : ports.map((port) => `${name}:${port}`).join(', ');
    return `${where} (${image})`;
  });
  return named.length === 0 ? '' : ` Services that only this sandbox reaches: ${named.join('; ')}.`;
};

/** Leaves out text from repository servers, because anyone could have written it. */
export const describeRepositories = ({ repositories = [] }: Pick<SessionRecord, 'repositories'>): string =>
  repositories
    .map(({ url, path, state, branch, access }) => {
      if (state === 'ready')
        return ` The folder \`${path}\` is the git repository ${url}${branch === null ? '' : `, on the branch \`${branch}\` of this session`}${access === 'read' ? ', which it can only read' : ''}.`;
      return state === 'failed'
        ? ` The repository ${url} could not be fetched, and the user sees why: say so before you go on without it.`
        : ` The repository ${url} is being fetched into the folder \`${path}\`.`;
    })
    .join('');

export function describeEgressRestriction(choice: EgressRestriction = []): string {
  const allow = (isEgressRules(choice) ? choice.allow : choice).join(', ');
  if (!isEgressRules(choice) || deniesByDefault(choice))
    return allow === '' ? '' : ` Of these, this session reaches only ${allow}.`;
  const but = allow === '' ? '' : `, except ${allow}`;
  return ` Of these, this session reaches no address of ${choice.deny.join(', ')}${but}.`;
}

const limitsOf = ({ cpus, memory, disk }: Config['sandbox']): string =>
  `Limits: ${cpus} ${cpus === 1 ? 'processor' : 'processors'}, ${formatMiB(memory)} of memory, ${formatMiB(disk)} for files.`;

export function describeNetwork({ egress }: Pick<Config, 'egress'>, isolation: Isolation): string {
  if (isolation === 'none') return "open: nothing separates this sandbox from the machine's network.";
  const policy = findEgressPolicy(egress.policy);
  const lists = { entries: egress.allow, registries: egress.registries };
  return policy?.forAgents?.(lists) ?? `${policy?.label ?? 'closed'}.`;
}

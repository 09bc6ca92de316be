import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { once, query, repeatable } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { boundedLine, withHidden } from '../../parts/bounded-text.ts';
import { Button } from '../../parts/kit/button.tsx';
import { attempt } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import type { RepositoryAddress } from './pull-request.tsx';

type RepositoryEnvironment = NonNullable<Session['repositories'][number]['environment']>;
type CheckResult = Outputs['repositories']['check']['checks'][number];

interface Props {
  readonly of: RepositoryAddress;
  readonly environment: RepositoryEnvironment;
  /** A check can have changed files. */
  readonly onDone: () => void;
}

/** The checks of the repository, and its suggestions. A host is open, and a service runs, only once a person allowed it. */
export function Environment({ of, environment, onDone }: Props) {
  const { problem, setup, template, tools, egress, services, ports, checks } = environment;
  const wishes = [
    ...(template === null ? [] : [t('ship.wishTemplate', { template })]),
    ...(tools.length === 0 ? [] : [t('ship.wishTools', { tools: tools.join(', ') })]),
    ...(ports.length === 0
      ? []
      : [t('ship.ports', { ports: ports.map(({ name, port }) => `${name} ${port}`).join(', ') })]),
  ];
  return (
    <>
      {problem !== null && <p class="bad-text">{t('ship.environmentProblem', { problem: withHidden(problem) })}</p>}
      {setup !== 'none' && <p class={setup === 'failed' ? 'bad-text' : 'quiet'}>{t(`ship.setup.${setup}`)}</p>}
      {wishes.map((wish) => (
        <p key={wish} class="quiet">
          {wish}
        </p>
      ))}
      {egress.length > 0 && <Hosts sessionId={of.sessionId} hosts={egress} />}
      {services && <WantedServices of={of} services={services} />}
      {checks.length > 0 && <Checks of={of} checks={checks} onDone={onDone} />}
    </>
  );
}

/** The hosts that the repository asks for. A person allows each, or does not. */
function Hosts({ sessionId, hosts }: { sessionId: string; hosts: readonly string[] }) {
  const [inForce, setInForce] = useState<Outputs['egress']['inForce']>();
  const look = () => query('egress.inForce', { sessionId }).then(setInForce, () => setInForce(undefined));
  useEffect(() => void look(), [sessionId]);
  const isOpen = (host: string) => inForce?.allowed.includes(host) || inForce?.entries.includes(host);
  const allow = (host: string) =>
    attempt(t('network.allowOne', { host }), async () => {
      await repeatable('egress.allow', { sessionId, host });
      await look();
    });
  return (
    <div class="ship-form">
      <h3>{t('ship.hosts')}</h3>
      <ul class="plain-rows">
        {hosts.map((host) => (
          <li key={host}>
            <code>{host}</code>
            {isOpen(host) ? (
              <span class="quiet">{t('network.isAllowed')}</span>
            ) : (
              <Button
                class="small"
                disabled={!inForce || inForce.whyNot !== null}
                aria-label={t('network.allowOne', { host })}
                onClick={() => allow(host)}
              >
                {t('allowHost')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {inForce && inForce.whyNot !== null && <p class="quiet">{t('network.cannot', { why: inForce.whyNot })}</p>}
    </div>
  );
}

/** The services that the repository asks for. A person allows all of them, or none. */
function WantedServices({
  of,
  services,
}: Pick<Props, 'of'> & { readonly services: NonNullable<RepositoryEnvironment['services']> }) {
  const [there, setThere] = useState<readonly string[]>();
  const keep = (all: Outputs['sandbox']['services']) => setThere(all.map(({ name }) => name));
  const look = () => query('sandbox.services', { sessionId: of.sessionId }).then(keep, () => setThere(undefined));
  useEffect(() => void look(), [of.sessionId]);
  const all = Object.entries(services);
  const allow = () =>
    attempt(t('ship.allowServices'), async () => keep((await once('repositories.allowServices', of)).services));
  return (
    <div class="ship-form">
      <h3>{t('ship.services')}</h3>
      <ul class="plain-rows" aria-label={t('ship.services')}>
        {all.map(([name, { image, ports, command = [] }]) => (
          <li key={name}>
            {name} <code>{boundedLine(withHidden([image, ...command].join(' ')), 120)}</code>{' '}
            <span class="quiet">{ports.join(', ')}</span>{' '}
            {there?.includes(name) && <span class="quiet">{t('network.isAllowed')}</span>}
          </li>
        ))}
      </ul>
      {there && !all.every(([name]) => there.includes(name)) && (
        <>
          <p class="quiet">{t('ship.servicesText')}</p>
          <Button class="small" onClick={allow}>
            {t('ship.allowServices')}
          </Button>
        </>
      )}
    </div>
  );
}

function Checks({
  of,
  checks,
  onDone,
}: Pick<Props, 'of' | 'onDone'> & { readonly checks: RepositoryEnvironment['checks'] }) {
  const [ran, setRan] = useState<readonly CheckResult[]>([]);
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    await attempt(t('ship.runChecks'), async () => {
      setRan((await once('repositories.check', of)).checks);
      onDone();
    });
    setBusy(false);
  };
  return (
    <div class="ship-form">
      <h3>{t('ship.ownChecks')}</h3>
      <ul class="ship-files" aria-label={t('ship.ownChecks')}>
        {checks.map(({ name, command, last }) => {
          const now = ran.find((one) => one.name === name);
          const status = (now ?? last)?.status;
          return (
            <li key={name}>
              <span class={status === 'failed' || status === 'timed_out' ? 'bad-text' : 'quiet'}>
                {t(status ? `ship.ownCheck.${status}` : 'ship.ownCheck.none')}
              </span>{' '}
              {name} <code>{boundedLine(withHidden(command), 120)}</code>
              {now && now.output !== '' && now.status !== 'passed' && (
                <pre class="ship-output">{withHidden(now.output)}</pre>
              )}
            </li>
          );
        })}
      </ul>
      <div class="ship-row">
        <Button disabled={isBusy} onClick={run}>
          {t(isBusy ? 'ship.checksRun' : 'ship.runChecks')}
        </Button>
      </div>
    </div>
  );
}

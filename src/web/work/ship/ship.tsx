import { Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { DiffView } from '../../conversation/tool-result.tsx';
import { mutate, mutateWithRetry, query, toErrorText } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { escapeHiddenCharacters, truncateLine } from '../../parts/bounded-text.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { CheckboxField, TextAreaField } from '../../parts/kit/field.tsx';
import { List } from '../../parts/kit/list.tsx';
import { LoadPlaceholder, useLoadedData } from '../../parts/kit/trouble.tsx';
import { notify, tryOrNotify, useBusyAction } from '../../parts/notice.tsx';
import { t, translateServerText } from '../../text/text.ts';
import { saveBlob } from '../files/transfers.ts';
import { type FilePatch, isGeneratedFile, parseFilePatch, parseHunk, type RepositoryStatus } from './changes.ts';
import { CheckpointList } from './checkpoints.tsx';
import { PullRequestView, type RepositoryLocation } from './pull-request.tsx';

type Repository = Session['repositories'][number];

export function ShipPane({ session }: { session: Session }) {
  return (
    <div class="ship scrolls stack">
      {session.repositories.map((repository) => (
        <RepositoryView key={repository.path} session={session} repository={repository} />
      ))}
      <CheckpointList session={session} />
    </div>
  );
}

function RepositoryView({ session, repository }: { session: Session; repository: Repository }) {
  const { id: sessionId } = session;
  const { path, url, state, error, branch, access, environment } = repository;
  const of: RepositoryLocation = { sessionId, path };
  // Incremented after each change to the repository, to reload the outdated pull request.
  const [reads, setReads] = useState(0);
  const read = async () => (state === 'ready' ? await query('repositories.status', of) : undefined);
  // Reads again when the session's status changes, because a run may have changed files.
  const { now: status, problem } = useLoadedData(read, [sessionId, path, state, reads, session.status]);
  const again = () => setReads((count) => count + 1);
  return (
    <section class="stack" aria-label={path}>
      <header class="row ship-head between wrap">
        <h2 class="breaks">{path}</h2>
        <IconButton icon="retry" label={t('ship.refresh')} disabled={state !== 'ready'} onClick={again} />
      </header>
      <p class="row quiet small-text wrap">
        <span>{url}</span>
        {branch !== null && <code>{branch}</code>}
      </p>
      {state === 'failed' && <p class="bad-text">{error && translateServerText(error)}</p>}
      {state === 'waiting' && <p class="quiet">{t('ship.waiting')}</p>}
      {problem !== '' && <p class="bad-text">{problem}</p>}
      {environment && <Environment of={of} environment={environment} onDone={again} />}
      {state === 'ready' && !status && problem === '' && <LoadPlaceholder />}
      {status && (
        <>
          <Commit of={of} status={status} proposal={session.title} onDone={again} />
          <Push of={of} status={status} mayPush={access === 'write'} onDone={again} />
          <PullRequestView of={of} reads={reads} mayOpen={access === 'write' && status.ahead > 0} onDone={again} />
        </>
      )}
    </section>
  );
}

interface StepProps {
  readonly of: RepositoryLocation;
  readonly status: RepositoryStatus;
  readonly onDone: () => void;
}

function Push({ of, status: { ahead, commits }, mayPush, onDone }: StepProps & { readonly mayPush: boolean }) {
  const [isBusy, act] = useBusyAction();
  if (ahead === 0) return <p class="quiet">{t('ship.nothingAhead')}</p>;
  const push = () =>
    act(t('ship.notPushed'), async () => {
      const { branch } = await mutate('repositories.push', of);
      notify(t('ship.pushed', { branch }));
      onDone();
    });
  const patch = () =>
    tryOrNotify(t('ship.noPatch'), async () => {
      const { text } = await query('repositories.patch', of);
      saveBlob(new Blob([text], { type: 'text/x-patch' }), `${of.path.replaceAll('/', '-')}.patch`);
    });
  return (
    <>
      <div class="row ship-row wrap">
        <span>{t('ship.ahead', { n: ahead })}</span>
        {mayPush && <Button label={t('ship.push')} disabled={isBusy} onClick={push} />}
        <Button kind="quiet" icon="download" label={t('ship.patch')} onClick={patch} />
      </div>
      {commits.map(({ commit, subject }) => (
        <p key={commit} class="row small-text">
          <code>{commit.slice(0, 7)}</code>
          <span class="breaks">{escapeHiddenCharacters(truncateLine(subject, 200))}</span>
        </p>
      ))}
    </>
  );
}

type RepositoryEnvironment = NonNullable<Repository['environment']>;
type WantedServiceTable = NonNullable<RepositoryEnvironment['services']>;
type CheckResult = Outputs['repositories']['check']['checks'][number];

interface Props {
  readonly of: RepositoryLocation;
  readonly environment: RepositoryEnvironment;
  readonly onDone: () => void;
}

/** Hosts become reachable and services start only after the user allows them. */
function Environment({ of, environment, onDone }: Props) {
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
      {problem !== null && (
        <p class="bad-text">{t('ship.environmentProblem', { problem: escapeHiddenCharacters(problem) })}</p>
      )}
      {setup !== 'none' && <p class={setup === 'failed' ? 'bad-text' : 'quiet'}>{t(`ship.setup.${setup}`)}</p>}
      {wishes.map((wish) => (
        <p key={wish} class="quiet">
          {wish}
        </p>
      ))}
      {egress.length > 0 && <Hosts sessionId={of.sessionId} hosts={egress} />}
      {services && <WantedServices of={of} services={services} />}
      {checks.length > 0 && <Checks of={of} environment={environment} onDone={onDone} />}
    </>
  );
}

function Hosts({ sessionId, hosts }: { sessionId: string; hosts: readonly string[] }) {
  const [inForce, setInForce] = useState<Outputs['egress']['inForce']>();
  const look = () => query('egress.inForce', { sessionId }).then(setInForce, () => setInForce(undefined));
  useEffect(() => void look(), [sessionId]);
  const isOpen = (host: string) => inForce?.allowed.includes(host) || inForce?.entries.includes(host);
  const allow = (host: string) =>
    tryOrNotify(t('network.notAllowed', { host }), async () => {
      await mutateWithRetry('egress.allow', { sessionId, host });
      await look();
    });
  return (
    <div class="stack ship-form raised box padded">
      <h3 class="breaks">{t('ship.hosts')}</h3>
      <List
        items={hosts.map((host) => ({
          key: host,
          code: host,
          action: isOpen(host) ? (
            <span class="quiet">{t('network.isAllowed')}</span>
          ) : (
            <Button
              class="small"
              label={t('allowHost')}
              disabled={!inForce || inForce.whyNot !== null}
              aria-label={t('network.allowOne', { host })}
              onClick={() => allow(host)}
            />
          ),
        }))}
      />
      {inForce && inForce.whyNot !== null && (
        <p class="quiet">{t('network.cannot', { why: translateServerText(inForce.whyNot) })}</p>
      )}
    </div>
  );
}

function WantedServices({ of, services }: { of: RepositoryLocation; services: WantedServiceTable }) {
  const [there, setThere] = useState<readonly string[]>();
  const keep = (all: Outputs['sandbox']['services']) => setThere(all.map(({ name }) => name));
  const look = () => query('sandbox.services', { sessionId: of.sessionId }).then(keep, () => setThere(undefined));
  useEffect(() => void look(), [of.sessionId]);
  const all = Object.entries(services);
  const allow = () =>
    tryOrNotify(t('ship.servicesNotAllowed'), async () =>
      keep((await mutate('repositories.allowServices', of)).services),
    );
  return (
    <div class="stack ship-form raised box padded">
      <h3 class="breaks">{t('ship.services')}</h3>
      <List
        label={t('ship.services')}
        items={all.map(([name, { image, ports, command = [] }]) => ({
          key: name,
          title: name,
          code: truncateLine(escapeHiddenCharacters([image, ...command].join(' ')), 120),
          lines: [[...ports, ...(there?.includes(name) ? [t('network.isAllowed')] : [])].join(' · ')],
        }))}
      />
      {there && !all.every(([name]) => there.includes(name)) && (
        <>
          <p class="quiet">{t('ship.servicesText')}</p>
          <Button class="small" label={t('ship.allowServices')} onClick={allow} />
        </>
      )}
    </div>
  );
}

function Checks({ of, environment: { checks }, onDone }: Props) {
  const [ran, setRan] = useState<readonly CheckResult[]>([]);
  const [isBusy, act] = useBusyAction();
  const run = () =>
    act(t('ship.checksNotRun'), async () => {
      setRan((await mutate('repositories.check', of)).checks);
      onDone();
    });
  return (
    <div class="stack ship-form raised box padded">
      <h3 class="breaks">{t('ship.ownChecks')}</h3>
      <ul class="stack ship-files scrolls small-text breaks" aria-label={t('ship.ownChecks')}>
        {checks.map(({ name, command, last }) => {
          const now = ran.find((one) => one.name === name);
          const status = (now ?? last)?.status;
          return (
            <li key={name} class="row">
              <span class={status === 'failed' || status === 'timed_out' ? 'bad-text' : 'quiet'}>
                {t(status ? `ship.ownCheck.${status}` : 'ship.ownCheck.none')}
              </span>{' '}
              {name} <code>{truncateLine(escapeHiddenCharacters(command), 120)}</code>
              {now && now.output !== '' && now.status !== 'passed' && (
                <pre class="ship-output scrolls raised small-text pre">{escapeHiddenCharacters(now.output)}</pre>
              )}
            </li>
          );
        })}
      </ul>
      <div class="row ship-row wrap">
        <Button label={t(isBusy ? 'ship.checksRun' : 'ship.runChecks')} disabled={isBusy} onClick={run} />
      </div>
    </div>
  );
}

const mostShown = 100;
function Commit({ of, status, proposal, onDone }: StepProps & { readonly proposal: string }) {
  const { files, truncated, head } = status;
  const proposed = proposal.replace(/…$/, '');
  const [message, setMessage] = useState(proposed);
  const [ticks, setTicks] = useState<Readonly<Record<string, boolean>>>({});
  const [patches, setPatches] = useState<Readonly<Record<string, string>>>({});
  const [isBusy, act] = useBusyAction();
  if (files.length === 0) return <p class="quiet">{t('ship.clean')}</p>;
  const isTicked = (path: string) => ticks[path] ?? !isGeneratedFile(path);
  const chosen = files.filter(({ path }) => isTicked(path));
  const missing = chosen.length === 0 ? 'ship.noFile' : message.trim() === '' ? 'ship.noMessage' : undefined;
  const commit = async () => {
    if (missing || isBusy) return;
    // Without a file list, the commit also includes changes that the page does not show.
    const only =
      chosen.length === files.length
        ? {}
        : { files: chosen.flatMap(({ path, from }) => (from === null ? [path] : [from, path])) };
    const leaveOut = chosen.map(({ path }) => patches[path] ?? '').join('');
    const isDone = await act(t('ship.commit'), async () => {
      const wish = { ...of, message, ...only, ...(leaveOut !== '' && { leaveOut }) };
      const { branch } = await mutate('repositories.commit', wish);
      notify(t('ship.committed', { branch }));
    });
    if (!isDone) return;
    setMessage('');
    setPatches({});
    onDone();
  };
  return (
    <form
      class="stack ship-form raised box padded"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void commit();
      }}
    >
      <h3 class="breaks">{t('ship.uncommitted', { n: files.length })}</h3>
      <ul class="stack ship-files scrolls small-text breaks">
        {files.slice(0, mostShown).map((file) => {
          const { path } = file;
          return (
            <li key={path} class="row">
              <input
                type="checkbox"
                aria-label={t('ship.include', { path })}
                checked={isTicked(path)}
                indeterminate={isTicked(path) && (patches[path] ?? '') !== ''}
                onChange={() => setTicks((now) => ({ ...now, [path]: !isTicked(path) }))}
              />
              <FileDiff
                key={head}
                of={of}
                file={file}
                leaveOut={(patch) => setPatches((now) => ({ ...now, [path]: patch }))}
              />
            </li>
          );
        })}
        {(truncated || files.length > mostShown) && <li class="quiet">{t('ship.more')}</li>}
      </ul>
      <TextAreaField
        label={t('ship.message')}
        rows={2}
        required
        value={message}
        onChange={setMessage}
        onFocus={({ currentTarget }) => message === proposed && currentTarget.select()} // typing replaces the proposal
      />
      <p class="quiet small-text" role="status">
        {missing && t(missing)}
      </p>
      <Button
        type="submit"
        kind="primary"
        label={t('ship.commitFiles', { n: chosen.length })}
        disabled={isBusy}
        aria-disabled={missing !== undefined}
      />
    </form>
  );
}

interface FileDiffProps {
  readonly of: RepositoryLocation;
  readonly file: RepositoryStatus['files'][number];
  /** Called with the patch to leave out. Empty: all changes are committed. */
  readonly leaveOut: (patch: string) => void;
}

function FileDiff({ of, file: { path, change }, leaveOut }: FileDiffProps) {
  const [patch, setPatch] = useState<FilePatch & { readonly isWhole: boolean }>();
  const [problem, setProblem] = useState('');
  const [left, setLeft] = useState<readonly number[]>([]);
  const read = () =>
    query('repositories.diff', { ...of, file: path, since: 'head' }).then(
      ({ text, truncated }) => setPatch({ ...parseFilePatch(text), isWhole: !truncated }),
      (thrown: unknown) => setProblem(toErrorText(thrown)),
    );
  const toggle = (at: number, { head, hunks }: FilePatch) => {
    const now = left.includes(at) ? left.filter((one) => one !== at) : [...left, at];
    setLeft(now);
    leaveOut(now.length === 0 ? '' : head + hunks.filter((_, n) => now.includes(n)).join(''));
  };
  const canChoose = patch?.isWhole && change === 'modified' && patch.hunks.length > 1;
  return (
    <details class="fill" onToggle={({ currentTarget }) => currentTarget.open && patch === undefined && void read()}>
      <summary>{`${t(`ship.${change}`)} ${path}`}</summary>
      {problem !== '' && <p class="bad-text">{problem}</p>}
      {patch?.hunks.map((hunk, at) => (
        <Fragment key={hunk}>
          {canChoose && (
            <CheckboxField
              label={t('ship.hunk', { n: at + 1, of: patch.hunks.length })}
              isOn={!left.includes(at)}
              onChange={() => toggle(at, patch)}
            />
          )}
          <DiffView lines={parseHunk(hunk)} textOf={(text) => text} />
        </Fragment>
      ))}
      {patch?.hunks.length === 0 && <p class="tool-note padded border-top quiet">{t('noChange')}</p>}
    </details>
  );
}

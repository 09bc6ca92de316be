import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { once, query, wordsOf } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { attempt, notify } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { Checkpoints } from './checkpoints.tsx';
import { Environment } from './environment.tsx';
import { PullRequestView, type RepositoryAddress } from './pull-request.tsx';

type Repository = Session['repositories'][number];
type Status = Outputs['repositories']['status'];

/** The tab: what each repository of the session has to commit and to push, its pull request, and the checkpoints of all. */
export function Ship({ session }: { session: Session }) {
  return (
    <div class="ship">
      {session.repositories.map((repository) => (
        <RepositoryView key={repository.path} sessionId={session.id} repository={repository} />
      ))}
      <Checkpoints session={session} />
    </div>
  );
}

function RepositoryView({ sessionId, repository }: { sessionId: string; repository: Repository }) {
  const { path, url, state, error, branch, access, environment } = repository;
  const of: RepositoryAddress = { sessionId, path };
  const [status, setStatus] = useState<Status>();
  const [problem, setProblem] = useState('');
  // A change of the repository makes the state of its pull request old too.
  const [reads, setReads] = useState(0);
  useEffect(() => {
    if (state !== 'ready') return;
    query('repositories.status', of).then(
      (found) => {
        setStatus(found);
        setProblem('');
      },
      (thrown: unknown) => setProblem(wordsOf(thrown)),
    );
  }, [sessionId, path, state, reads]);
  const again = () => setReads((count) => count + 1);
  return (
    <section aria-label={path}>
      <header class="ship-head">
        <h2>{path}</h2>
        <IconButton icon="retry" label={t('ship.refresh')} disabled={state !== 'ready'} onClick={again} />
      </header>
      <p class="quiet ship-branch">
        <span>{url}</span>
        {branch !== null && <code>{branch}</code>}
      </p>
      {state === 'failed' && <p class="bad-text">{error}</p>}
      {state === 'waiting' && <p class="quiet">{t('ship.waiting')}</p>}
      {problem !== '' && <p class="bad-text">{problem}</p>}
      {environment && <Environment of={of} environment={environment} onDone={again} />}
      {status && (
        <>
          <Commit of={of} status={status} onDone={again} />
          <Push of={of} status={status} mayPush={access === 'write'} onDone={again} />
          <PullRequestView of={of} reads={reads} mayOpen={access === 'write' && status.ahead > 0} onDone={again} />
        </>
      )}
    </section>
  );
}

interface StepProps {
  readonly of: RepositoryAddress;
  readonly status: Status;
  readonly onDone: () => void;
}

function Commit({ of, status: { files, truncated }, onDone }: StepProps) {
  const [message, setMessage] = useState('');
  const [isBusy, setBusy] = useState(false);
  if (files.length === 0) return <p class="quiet">{t('ship.clean')}</p>;
  const commit = async () => {
    setBusy(true);
    const isDone = await attempt(t('ship.commit'), () => once('repositories.commit', { ...of, message }));
    setBusy(false);
    if (!isDone) return;
    setMessage('');
    onDone();
  };
  return (
    <form
      class="ship-form"
      onSubmit={(event) => {
        event.preventDefault();
        void commit();
      }}
    >
      <h3>{t('ship.uncommitted', { n: files.length })}</h3>
      <ul class="ship-files">
        {files.slice(0, 100).map(({ path, change }) => (
          <li key={path}>
            <span class="quiet">{t(`ship.${change}`)}</span> {path}
          </li>
        ))}
        {(truncated || files.length > 100) && <li class="quiet">{t('ship.more')}</li>}
      </ul>
      <label>
        <span>{t('ship.message')}</span>
        <textarea
          class="field"
          rows={2}
          maxLength={20_000}
          required
          value={message}
          onInput={(event) => setMessage(event.currentTarget.value)}
        />
      </label>
      <Button type="submit" kind="primary" disabled={isBusy || message.trim() === ''}>
        {t('ship.commit')}
      </Button>
    </form>
  );
}

function Push({ of, status: { ahead }, mayPush, onDone }: StepProps & { readonly mayPush: boolean }) {
  const [isBusy, setBusy] = useState(false);
  if (ahead === 0) return <p class="quiet">{t('ship.nothingAhead')}</p>;
  const push = async () => {
    setBusy(true);
    await attempt(t('ship.push'), async () => {
      const { branch } = await once('repositories.push', of);
      notify(t('ship.pushed', { branch }));
      onDone();
    });
    setBusy(false);
  };
  const patch = () =>
    attempt(t('ship.patch'), async () => {
      const { text } = await query('repositories.patch', of);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([text], { type: 'text/x-patch' }));
      link.download = `${of.path.replaceAll('/', '-')}.patch`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  return (
    <div class="ship-row">
      <span>{t('ship.ahead', { n: ahead })}</span>
      {mayPush && (
        <Button disabled={isBusy} onClick={push}>
          {t('ship.push')}
        </Button>
      )}
      <Button kind="quiet" icon="download" onClick={patch}>
        {t('ship.patch')}
      </Button>
    </div>
  );
}

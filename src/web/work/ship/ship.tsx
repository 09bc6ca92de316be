import { useEffect, useState } from 'preact/hooks';
import { once, query, wordsOf } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { attempt, notify } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import type { Status } from './changes.ts';
import { Checkpoints } from './checkpoints.tsx';
import { Commit } from './commit.tsx';
import { Environment } from './environment.tsx';
import { PullRequestView, type RepositoryAddress } from './pull-request.tsx';

type Repository = Session['repositories'][number];

/** The tab: what each repository of the session has to commit and to push, its pull request, and the checkpoints of all. */
export function Ship({ session }: { session: Session }) {
  return (
    <div class="ship">
      {session.repositories.map((repository) => (
        <RepositoryView key={repository.path} session={session} repository={repository} />
      ))}
      <Checkpoints session={session} />
    </div>
  );
}

function RepositoryView({ session, repository }: { session: Session; repository: Repository }) {
  const { id: sessionId } = session;
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
          <Commit of={of} status={status} proposal={session.title} onDone={again} />
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

import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { go } from '../data/route.ts';
import { once, query } from '../data/server.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Trouble, useTrouble } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';
import { AttemptsTable } from './table.tsx';

type AttemptSet = Outputs['attempts']['get'];

const lookMs = 2_000;

/** The attempts of a session: begins some, compares them, and chooses one. */
export const openAttempts = (id: string): void => showDialog(<AttemptsDialog id={id} />);

function AttemptsDialog({ id }: { id: string }) {
  const [all, setAll] = useState<readonly AttemptSet[]>();
  const [isNew, setNew] = useState(false);
  const [trouble, tryIt] = useTrouble();
  const read = async () => {
    setAll(await query('attempts.list', { sessionId: id }));
  };
  useEffect(() => {
    void tryIt(t('attempts.read'), read);
    const timer = setInterval(() => void read().catch(() => {}), lookMs);
    return () => clearInterval(timer);
  }, []);
  const act = async (what: string, work: () => Promise<unknown>) => {
    await tryIt(what, work);
    await read().catch(() => {});
  };
  const [newest] = all ?? [];
  const open = (session: string) => {
    closeDialog();
    go(session);
  };
  return (
    <Dialog title={t('attempts.title')} wide>
      <p class="quiet">{t('attempts.about')}</p>
      <Trouble text={trouble} />
      {newest && !isNew && (
        <>
          <p>
            <strong>{newest.task.slice(0, 200)}</strong>
          </p>
          <AttemptsTable
            set={newest}
            open={open}
            choose={(n, others) =>
              act(t('attempts.choose'), () => once('attempts.choose', { sessionId: id, id: newest.id, n, others }))
            }
          />
          {newest.error !== null && <p class="note bad">{newest.error}</p>}
          <div class="choices">
            {newest.phase === 'running' ? (
              <Button
                kind="danger"
                icon="stop"
                onClick={() => act(t('stop'), () => once('attempts.stop', { sessionId: id, id: newest.id }))}
              >
                {t('stop')}
              </Button>
            ) : (
              <Button icon="plus" onClick={() => setNew(true)}>
                {t('attempts.again')}
              </Button>
            )}
          </div>
        </>
      )}
      {all && (isNew || !newest) && (
        <AttemptsForm
          begin={(wish) =>
            act(t('attempts.begin'), async () => {
              await once('attempts.start', { sessionId: id, ...wish });
              setNew(false);
            })
          }
        />
      )}
    </Dialog>
  );
}

interface AttemptsWish {
  readonly task: string;
  readonly attempts: number | { model?: string }[];
  readonly goal?: { rubric?: string; checks: { command: string }[] };
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function AttemptsForm({ begin }: { begin: (wish: AttemptsWish) => Promise<void> }) {
  const [task, setTask] = useState('');
  const [number, setNumber] = useState(3);
  const [models, setModels] = useState('');
  const [checks, setChecks] = useState('');
  const [rubric, setRubric] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    const named = linesOf(models);
    const commands = linesOf(checks).map((command) => ({ command }));
    const hasGoal = rubric.trim() !== '' || commands.length > 0;
    await begin({
      task,
      attempts:
        named.length === 0
          ? number
          : Array.from({ length: number }, (_, n) => ({ model: named[n % named.length] as string })),
      ...(hasGoal && { goal: { ...(rubric.trim() !== '' && { rubric }), checks: commands } }),
    });
    setBusy(false);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <label class="labelled">
        <span>{t('attempts.task')}</span>
        <textarea
          class="field"
          rows={3}
          required
          maxLength={200_000}
          value={task}
          onInput={(event) => setTask(event.currentTarget.value)}
        />
      </label>
      <label class="labelled">
        <span>{t('attempts.number')}</span>
        <input
          class="field"
          type="number"
          min={2}
          max={8}
          value={number}
          onInput={(event) => setNumber(event.currentTarget.valueAsNumber)}
        />
      </label>
      <label class="labelled">
        <span>{t('attempts.models')}</span>
        <textarea class="field" rows={2} value={models} onInput={(event) => setModels(event.currentTarget.value)} />
      </label>
      <label class="labelled">
        <span>{t('attempts.checks')}</span>
        <textarea class="field" rows={2} value={checks} onInput={(event) => setChecks(event.currentTarget.value)} />
      </label>
      <label class="labelled">
        <span>{t('attempts.rubric')}</span>
        <textarea class="field" rows={2} value={rubric} onInput={(event) => setRubric(event.currentTarget.value)} />
      </label>
      <div class="choices">
        <Button onClick={closeDialog}>{t('cancel')}</Button>
        <Button type="submit" kind="primary" icon="fork" disabled={isBusy}>
          {t('attempts.begin')}
        </Button>
      </div>
    </form>
  );
}

import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { findTitleLine } from '../../core/text/text.ts';
import { openSessionFromDialog } from '../app/layout.ts';
import { exampleCheck, splitLines } from '../conversation/goal/goal-draft.ts';
import { mutate, query } from '../data/server.ts';
import { currentSession, currentSessionId } from '../data/sessions.ts';
import { formatModelLabel, useModelChoices } from '../models/state.ts';
import { formatCompactCount, formatUsd } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { CheckboxField } from '../parts/kit/field.tsx';
import { SchemaForm } from '../parts/kit/schema-form.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { t, translateServerText } from '../text/text.ts';
import { unloggedFileChanges } from '../work/files/store.ts';

type AttemptSet = Outputs['attempts']['get'];

const lookMs = 2_000;

export const showAttemptsDialog = (id: string): void => showDialog(<AttemptsDialog id={id} />);

function AttemptsDialog({ id }: { id: string }) {
  const [all, setAll] = useState<readonly AttemptSet[]>();
  const [isNew, setNew] = useState(false);
  const [trouble, tryIt] = useActionError();
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
  const isTaken = newest?.phase === 'chosen';
  useEffect(() => {
    if (isTaken) unloggedFileChanges.value++;
  }, [isTaken]);
  return (
    <Dialog title={t('attempts.title')} wide>
      <p class="quiet">{t('attempts.about')}</p>
      <FormError text={trouble} />
      {newest && !isNew && (
        <>
          <p>
            <strong>{findTitleLine(newest.task).slice(0, 200)}</strong>
          </p>
          <AttemptsTable
            set={newest}
            choose={(n, others) =>
              act(t('attempts.notChosen'), () => mutate('attempts.choose', { sessionId: id, id: newest.id, n, others }))
            }
          />
          {isTaken && (
            <p class="note good" role="status">
              {t(newest.sessionId === currentSessionId.value ? 'attempts.taken' : 'attempts.takenThere', {
                n: String(newest.chosen),
              })}
            </p>
          )}
          {newest.error !== null && <p class="note bad">{newest.error}</p>}
          <div class="choices">
            {newest.phase === 'running' ? (
              <Button
                kind="danger"
                icon="stop"
                label={t('stop')}
                onClick={() =>
                  act(t('attempts.notStopped'), () => mutate('attempts.stop', { sessionId: id, id: newest.id }))
                }
              />
            ) : (
              <Button icon="plus" label={t('attempts.again')} onClick={() => setNew(true)} />
            )}
          </div>
        </>
      )}
      {all && (isNew || !newest) && (
        <AttemptsForm
          id={id}
          onStarted={async () => {
            setNew(false);
            await read();
          }}
        />
      )}
    </Dialog>
  );
}

interface Entries {
  readonly task: string;
  readonly form: { readonly number: number; readonly models?: string | readonly string[] };
  readonly goal?: { readonly rubric?: string; readonly checks?: string };
}

function AttemptsForm({ id, onStarted }: { id: string; onStarted: () => Promise<void> }) {
  const models = useModelChoices();
  const isBusy = currentSession.value?.id === id && currentSession.value.status === 'running';
  return (
    <>
      {isBusy && (
        <p class="note wait" role="status">
          {t('attempts.busy')}
        </p>
      )}
      <SchemaForm
        of="attempts.start"
        words="attempts"
        save={t('attempts.begin')}
        failure={t('attempts.notStarted')}
        cancel={closeDialog}
        fields={{
          task: { as: 'long', rows: 3 },
          'form.number': { schema: { kind: 'number', isRequired: true, min: 2, max: 8, initial: '3' } },
          'form.models': models
            ? { schema: { kind: 'many' }, choices: models }
            : { schema: { kind: 'text' }, label: t('attempts.form.modelLines'), as: 'long', rows: 2 },
          'goal.rubric': { label: t('attempts.rubric'), as: 'long', rows: 2 },
          'goal.checks': {
            label: t('goal.checks'),
            schema: { kind: 'text' },
            as: 'code',
            rows: 2,
            placeholder: exampleCheck,
          },
        }}
        send={async (input) => {
          const { task, form, goal } = input as unknown as Entries;
          const used = typeof form.models === 'string' ? splitLines(form.models) : (form.models ?? []);
          const checks = splitLines(goal?.checks ?? '').map((command) => ({ command }));
          await mutate('attempts.start', {
            sessionId: id,
            task,
            attempts:
              used.length === 0
                ? form.number
                : Array.from({ length: form.number }, (_, n) => ({ model: used[n % used.length] as string })),
            ...((goal?.rubric || checks.length > 0) && {
              goal: { ...(goal?.rubric && { rubric: goal.rubric }), checks },
            }),
          });
          await onStarted();
        }}
      />
    </>
  );
}

type Attempt = AttemptSet['attempts'][number];
interface Props {
  readonly set: AttemptSet;
  readonly choose: (n: number, others: 'keep' | 'delete') => Promise<void>;
}

function AttemptsTable({ set, choose }: Props) {
  const [isDeleting, setDeleting] = useState(false);
  const [isBusy, setBusy] = useState(false);
  // Without results to compare, the attempt marked as best would merely be the cheapest.
  const isMeasured = set.attempts.some(
    ({ result }) => result && (result.goal || result.checks.length > 0 || result.score !== null),
  );
  const take = async (n: number) => {
    setBusy(true);
    await choose(n, isDeleting ? 'delete' : 'keep');
    setBusy(false);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, also by keyboard */}
      <section class="attempts-table" tabIndex={0} aria-label={t('attempts.title')}>
        <table aria-label={t('attempts.title')}>
          <thead>
            <tr>
              {(['attempt', 'state', 'diff', 'passed', 'score', 'cost', 'choose'] as const).map((name) => (
                <th key={name} scope="col">
                  {t(`attempts.${name}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {set.attempts.map((one) => (
              <tr key={one.n}>
                <td>
                  <Button
                    class="small"
                    label={[t('attempts.nth', { n: one.n }), one.model ? formatModelLabel(one.model) : one.template]
                      .filter(Boolean)
                      .join(' · ')}
                    disabled={one.isGone}
                    title={t('attempts.openOne', { n: String(one.n) })}
                    onClick={() => openSessionFromDialog(one.sessionId)}
                  />
                </td>
                <td title={translateServerText(one.error ?? one.result?.goal?.reason ?? '')}>
                  {t(`attempts.state.${one.state}`)}
                  {one.result?.goal && ` · ${t(`attempts.goal.${one.result.goal.result}`)}`}
                  {isMeasured && set.best === one.n && ` · ${t('attempts.best')}`}
                  {one.error !== null && <div class="quiet">{translateServerText(one.error)}</div>}
                </td>
                <td title={one.result?.unknown ?? undefined} data-column={t('attempts.diff')}>
                  {diffOf(one)}
                </td>
                <td data-column={t('attempts.passed')}>{checksOf(one)}</td>
                <td data-column={t('attempts.score')}>{one.result?.score ?? '–'}</td>
                <td data-column={t('attempts.cost')}>
                  {one.cost > 0 ? formatUsd(one.cost) : t('attempts.tokens', { n: formatCompactCount(one.tokens) })}
                </td>
                <td>
                  {set.chosen === one.n ? (
                    t(set.phase === 'chosen' ? 'attempts.chosen' : 'attempts.choosing')
                  ) : one.state === 'waiting' ? (
                    <Button
                      class="small"
                      label={t('attempts.answer')}
                      onClick={() => openSessionFromDialog(one.sessionId)}
                    />
                  ) : one.isGone && one.result ? (
                    t('attempts.state.deleted')
                  ) : (
                    <Button
                      class="small"
                      label={t('attempts.choose')}
                      disabled={isBusy || one.result === null || set.phase === 'choosing'}
                      aria-label={t('attempts.chooseOne', { n: String(one.n) })}
                      onClick={() => take(one.n)}
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {set.attempts.some(({ n, isGone }) => !isGone && n !== set.chosen) && (
        <CheckboxField label={t('attempts.deleteOthers')} isOn={isDeleting} onChange={setDeleting} />
      )}
    </>
  );
}

function diffOf({ result }: Attempt): string {
  if (!result) return '–';
  if (result.files === null) return t('attempts.noDiff');
  return t('attempts.lines', { n: result.files, added: String(result.added), removed: String(result.removed) });
}

function checksOf({ result }: Attempt): string {
  const checks = result?.checks ?? [];
  const passed = checks.filter((check) => check.result === 'passed').length;
  return checks.length === 0 ? '–' : `${passed}/${checks.length}`;
}

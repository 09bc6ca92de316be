import { useEffect, useState } from 'preact/hooks';
import type { Inputs } from '../../client/types.ts';
import { parseRepository } from '../../core/text/repository-address.ts';
import { exampleCheck } from '../conversation/goal/goal-draft.ts';
import { CallError, mutate, query } from '../data/server.ts';
import { useModelChoices } from '../models/state.ts';
import { findLocale, formatDateTime } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { Dialog } from '../parts/kit/dialog.tsx';
import { SchemaForm } from '../parts/kit/schema-form.tsx';
import { FormError, InvalidFieldsError, useActionError } from '../parts/kit/trouble.tsx';
import { projects } from '../sessions/filters.ts';
import { listTemplateChoices, loadTemplates, templates } from '../sessions/templates.ts';
import { openSettings } from '../settings/settings.tsx';
import { loadSkills, skills } from '../skills/state.ts';
import { t } from '../text/text.ts';
import { type Automation, automations, loadAutomations, upsertAutomationInList } from './state.ts';
import {
  detectLocalTimeZone,
  findTimeZone,
  formatDayName,
  listTimeZones,
  parseScheduleChoice,
  type ScheduleChoice,
  type ScheduleKind,
  scheduleKinds,
  toCron,
} from './times.ts';

type Goal = NonNullable<Automation['goal']>;
type GoalTexts = Readonly<Record<'rubric' | 'checks', string>>;

const toGoalTexts = (goal: Goal | null = null): GoalTexts => ({
  rubric: goal?.rubric ?? '',
  checks: (goal?.checks ?? []).map(({ command }) => command).join('\n'),
});

/** Keeps the fields that the form does not show. Null: no goal. */
function toGoal({ rubric = '', checks = '' }: Partial<GoalTexts> = {}, before: Goal | null = null) {
  if (before && toGoalTexts(before).rubric === rubric && toGoalTexts(before).checks === checks) return before;
  const commands = checks.split('\n').filter((line) => line.trim() !== '');
  if (rubric.trim() === '' && commands.length === 0) return null;
  return {
    ...(rubric.trim() !== '' && { rubric }),
    checks: commands.map((command) => before?.checks.find((one) => one.command === command) ?? { command }),
    ...(before && { maxRevisions: before.maxRevisions }),
  };
}

type Repository = Automation['repositories'][number];
const lineOf = ({ url, ref }: Pick<Repository, 'url' | 'ref'>): string => (ref === undefined ? url : `${url}#${ref}`);

/** An unchanged repository keeps the fields that the form does not show. */
function toRepositories(text: string, before: readonly Repository[]) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const named = parseRepository(line);
    return before.find((one) => lineOf(one) === lineOf(named)) ?? named;
  });
}

interface Entries {
  readonly name: string;
  readonly message?: string;
  readonly repositories?: string;
  readonly schedule: { readonly kind: ScheduleKind; readonly day?: string; readonly timezone?: string };
  readonly goal?: Partial<GoalTexts>;
  readonly hook?: Partial<NonNullable<Inputs['automations']['create']['hook']>>;
  readonly after?: { readonly of?: AfterKind; readonly outcome?: 'done' } & Partial<Record<AfterKind, string>>;
  readonly budget?: Automation['budget'];
}
type AfterKind = NonNullable<Automation['after']>['of'];

const text = { kind: 'text' } as const;

export function AutomationForm({ automation, back }: { automation?: Automation; back: () => void }) {
  const models = useModelChoices();
  useEffect(() => {
    const reads = [loadTemplates, loadSkills, loadAutomations];
    for (const read of reads) void read().catch(() => {});
  }, []);
  const { repositories = [], skills: pins = [], schedule = null, after = null, budget = null } = automation ?? {};
  const value = {
    ...automation,
    repositories: repositories.map(lineOf).join('\n'),
    schedule: {
      timezone: schedule?.timezone ?? detectLocalTimeZone(),
      ...parseScheduleChoice(schedule?.cron ?? (automation ? undefined : '0 9 * * 1-5')),
    },
    goal: toGoalTexts(automation?.goal),
    hook: automation?.hook ?? { events: ['issue.labelled'] },
    after: after && { ...after, [after.of]: after.id },
  };
  const save = async (entries: Entries) => {
    const { schedule: entered, hook, after: of, message = '', goal, repositories: lines = '', ...others } = entries;
    const when = { ...value.schedule, ...entered, day: Number(entered.day ?? value.schedule.day) };
    const cron = toCron(when);
    const limits = { turns: null, seconds: null, ...budget, ...entries.budget };
    const spec = {
      ...others,
      message,
      goal: toGoal(goal, automation?.goal),
      repositories: toRepositories(lines, repositories),
      schedule:
        cron === undefined ? null : { ...schedule, cron, timezone: findTimeZone(when.timezone) ?? when.timezone },
      hook: hook?.source ? { ...hook, source: hook.source } : null,
      after: of?.of ? { of: of.of, id: (of[of.of] ?? '').trim(), outcome: of.outcome ?? 'done' } : null,
      budget: Object.values(limits).some((limit) => limit !== null) ? limits : null,
    };
    const saved = automation
      ? mutate('automations.update', { ...spec, id: automation.id, version: automation.version })
      : mutate('automations.create', spec);
    upsertAutomationInList(
      await saved.catch((thrown: unknown) => {
        const wrongId = thrown instanceof CallError ? thrown.fields['after.id'] : undefined;
        throw wrongId !== undefined && of?.of ? new InvalidFieldsError({ [`after.${of.of}`]: wrongId }) : thrown;
      }),
    );
    back();
  };
  const named = (all: readonly { readonly id: string; readonly name: string }[]) =>
    all.map(({ id, name }) => [id, name] as const);
  return (
    <Dialog title={t(automation ? 'automations.changeTitle' : 'automations.new')} wide>
      <SchemaForm
        of="automations.create"
        words="automations"
        value={value}
        draftKey={automation?.id ?? ''}
        cancel={back}
        send={(input) => save(input as unknown as Entries)}
        fields={(entry) => {
          const isRun = entry('kind') === 'run';
          const [kind, source, follows, events] = ['schedule.kind', 'hook.source', 'after.of', 'hook.events'].map(
            entry,
          );
          const has = (...kinds: readonly string[]) => kinds.includes(String(kind));
          const isForge = source !== '' && source !== 'json';
          const zone = findTimeZone(String(entry('schedule.timezone')));
          const [time, day, ownCron] = ['schedule.time', 'schedule.day', 'schedule.cron'].map((one) =>
            String(entry(one)),
          );
          const cron = toCron({ kind, time, day: Number(day), cron: ownCron } as ScheduleChoice);
          return {
            name: {},
            kind: {},
            ...(isRun && { message: { as: 'long', rows: 4, isRequired: true } }),
            'schedule.kind': { schema: { kind: 'choice', values: scheduleKinds } },
            ...(has('weekly') && {
              'schedule.day': {
                schema: text,
                choices: [1, 2, 3, 4, 5, 6, 0].map((one) => [String(one), formatDayName(one, findLocale())]),
              },
            }),
            ...(has('daily', 'weekdays', 'weekly') && {
              'schedule.time': { schema: text, as: 'time', isRequired: true },
            }),
            ...(has('custom') && { 'schedule.cron': { isRequired: true } }),
            ...(!has('manual') && {
              'schedule.timezone': {
                isRequired: true,
                offers: listTimeZones(),
                check: (entered) => (findTimeZone(entered) === undefined ? t('automations.noZone') : undefined),
                tidy: (entered) => findTimeZone(entered) ?? entered,
                below: cron !== undefined && zone !== undefined && <NextTimes cron={cron} timezone={zone} />,
              },
            }),
            'hook.source': { none: t('automations.hook.source.none') },
            ...(isForge && {
              'hook.events': { isRequired: true },
              ...(events?.includes('issue.labelled') && { 'hook.label': {} }),
              ...((events?.includes('issue.assigned') || events?.includes('comment.mention')) && {
                'hook.account': {
                  isRequired: events.includes('comment.mention'),
                  tidy: (entered) => entered.trim().replace(/^@/, ''),
                },
              }),
              'hook.senders': {},
              'hook.repositories': {},
            }),
            ...(source === 'json' && { 'hook.template': { as: 'long', rows: 3 } }),
            'after.of': { none: t('automations.after.of.none') },
            ...(follows === 'session' && { 'after.session': { schema: text, isRequired: true } }),
            ...(follows === 'automation' && {
              'after.automation': {
                schema: text,
                isRequired: true,
                choices: [['', ''], ...named((automations.value ?? []).filter(({ id }) => id !== automation?.id))],
              },
            }),
            ...(follows === 'project' && {
              'after.project': { schema: text, isRequired: true, choices: [['', ''], ...named(projects.value)] },
            }),
            ...(follows !== '' && { 'after.outcome': {} }),
            repositories: {
              schema: text,
              as: 'code',
              rows: 2,
              isRequired: !isRun,
              placeholder: 'https://github.com/team/project.git#main',
            },
            ...(isRun && {
              ...(templates.value.length > 1 && {
                template: {
                  isAdvanced: true,
                  label: t('template'),
                  choices: listTemplateChoices(String(entry('template'))),
                },
              }),
              model: {
                isAdvanced: true,
                label: t('model'),
                placeholder: 'ollama/qwen3',
                ...(models && { choices: [['', t('form.default')], ...models] }),
              },
            }),
            ...(projects.value.length > 0 && {
              projectId: {
                isAdvanced: true,
                label: t('filter.ofNew'),
                choices: [['', t('noProject')], ...named(projects.value)],
              },
            }),
            ...(isRun && {
              ...(skills.value?.length && {
                skills: {
                  isAdvanced: true,
                  schema: { kind: 'many' },
                  label: t('skills'),
                  choices: skills.value.map(({ name, description }) => [
                    pins.find((pin) => pin.split('@')[0] === name) ?? name,
                    name,
                    description,
                  ]),
                },
              }),
              'goal.rubric': { isAdvanced: true, label: t('goal.rubric'), as: 'long', rows: 2 },
              'goal.checks': {
                isAdvanced: true,
                label: t('goal.checks'),
                schema: text,
                as: 'code',
                rows: 2,
                placeholder: exampleCheck,
              },
            }),
            whileRunning: { isAdvanced: true },
            'budget.tokens': { isAdvanced: true, placeholder: t('form.default') },
            'budget.cost': { isAdvanced: true, placeholder: t('form.default') },
            'budget.toolCalls': { isAdvanced: true, placeholder: t('form.default') },
          };
        }}
      >
        {() => <WebhookNote />}
      </SchemaForm>
    </Dialog>
  );
}

export const WebhookNote = () => (
  <p class="quiet whole-row">
    {t('automations.webhookNote')}{' '}
    <Button kind="quiet" class="small" label={t('webhooks')} onClick={() => openSettings('webhooks')} />
  </p>
);

/** The server computes the times, so that they match the actual schedule. */
function NextTimes({ cron, timezone }: { cron: string; timezone: string }) {
  const [{ times, zone }, setTimes] = useState<{ times: readonly string[]; zone: string }>({
    times: [],
    zone: timezone,
  });
  const [trouble, tryIt] = useActionError();
  useEffect(() => {
    let isOver = false;
    const timer = setTimeout(() => {
      void tryIt(t('automations.noTimes'), async () => {
        const found = await query('automations.times', { cron, timezone });
        if (!isOver) setTimes({ times: found.times, zone: timezone });
      }).then((worked) => {
        if (!worked && !isOver) setTimes({ times: [], zone: timezone });
      });
    }, 300);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [cron, timezone]);
  return (
    <div class="next-times whole-row" aria-live="polite">
      <FormError text={trouble} />
      {times.length > 0 && (
        <>
          <h3>{t('automations.nextTimes')}</h3>
          <ol>
            {times.map((at) => (
              <li key={at}>
                <time dateTime={at}>{formatDateTime(at, zone)}</time>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

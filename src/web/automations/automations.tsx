import { Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { openSessionFromDialog } from '../app/layout.ts';
import { mutate, query } from '../data/server.ts';
import { sessions } from '../data/sessions.ts';
import { formatModelLabel } from '../models/state.ts';
import { formatBudgetValue, formatDateTime, formatDuration, formatUsd } from '../parts/format.ts';
import { RelativeTime } from '../parts/kit/ago.tsx';
import { Button } from '../parts/kit/button.tsx';
import { CopyButton } from '../parts/kit/copy-button.tsx';
import { confirmAction, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { List } from '../parts/kit/list.tsx';
import { OneTimeSecret } from '../parts/kit/resource-list.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { GuideLink } from '../parts/notice.tsx';
import { loadTemplates, templateNameOf } from '../sessions/templates.ts';
import { t, translateServerText } from '../text/text.ts';
import { AutomationForm, WebhookNote } from './form.tsx';
import {
  type Automation,
  type AutomationStart,
  automations,
  describeAutomationState,
  describeSchedule,
  loadAutomations,
  upsertAutomationInList,
} from './state.ts';

export const showAutomationsDialog = (): void => showDialog(<Automations />);
const openAutomation = (id: string): void => showDialog(<AutomationView id={id} />);

function Automations() {
  const [trouble, tryIt] = useActionError();
  const create = () => showDialog(<AutomationForm back={showAutomationsDialog} />);
  useEffect(() => void tryIt(t('automations.unread'), loadAutomations), []);
  return (
    <Dialog title={t('automations')} wide>
      <p class="quiet">{t('automations.about')}</p>
      <div>
        <Button kind="primary" icon="plus" label={t('automations.new')} onClick={create} />
      </div>
      <FormError text={trouble} />
      <List
        none={t('automations.none')}
        items={automations.value?.map((automation) => ({
          key: automation.id,
          title: automation.name,
          lines: [
            describeAutomationState(automation),
            ...(automation.hook?.secretAt === null ? [t('automations.hook.noSecret')] : []),
          ],
          waits: automation.paused !== null,
          open: () => openAutomation(automation.id),
        }))}
      />
    </Dialog>
  );
}

/** A secret just created, after the user confirmed. Component state would not survive the confirmation dialog. */
let made: string | undefined;

function takeMade(): string | undefined {
  const secret = made;
  made = undefined;
  return secret;
}

function HookAddress({ id, hook }: { id: string; hook: NonNullable<Automation['hook']> }) {
  const [secret, setSecret] = useState(takeMade);
  const [trouble, tryIt] = useActionError();
  const address = location.origin + hook.path;
  const rotate = (show: (secret: string) => void) =>
    tryIt(t('notRotated'), async () => {
      const answer = await mutate('automations.rotateSecret', { id });
      show(answer.secret);
      upsertAutomationInList(await query('automations.get', { id }));
    });
  const ask = () =>
    confirmAction({
      title: t('automations.hook.newSecret'),
      text: t('automations.hook.rotateText'),
      yes: t('automations.hook.newSecret'),
      back: () => openAutomation(id),
      act: () =>
        void rotate((secret) => {
          made = secret;
        }).then(() => setTimeout(() => openAutomation(id))),
    });
  return (
    <section class="hook-address stack">
      <h3>{t('automations.hook.address')}</h3>
      <p class="row">
        <code>{address}</code> <CopyButton text={address} />
      </p>
      {hook.secretAt === null ? (
        <p class="note wait">{t('automations.hook.noSecret')}</p>
      ) : (
        <p class="quiet">
          {t('automations.hook.since', { at: formatDateTime(hook.secretAt) })} {t('automations.hook.sign')}
          <GuideLink docs="/guide/automations#deliveries-from-outside" />
        </p>
      )}
      {secret !== undefined && <OneTimeSecret label={t('webhooks.secret')} text={secret} />}
      <FormError text={trouble} />
      <div>
        <Button
          icon="retry"
          label={t(hook.secretAt === null ? 'automations.hook.makeSecret' : 'automations.hook.newSecret')}
          onClick={hook.secretAt === null ? () => rotate(setSecret) : ask}
        />
      </div>
    </section>
  );
}

const lookMs = 3_000;
const limits = ['tokens', 'cost', 'toolCalls'] as const;

function AutomationView({ id }: { id: string }) {
  const automation = automations.value?.find((one) => one.id === id);
  const [starts, setStarts] = useState<readonly AutomationStart[]>([]);
  const [trouble, tryIt] = useActionError();
  const read = () =>
    tryIt(t('automations.startsUnread'), async () => setStarts(await query('automations.starts', { id })));
  useEffect(() => void read(), [id]);
  useEffect(() => void loadTemplates().catch(() => {}), []);
  const isOpen = starts.some(({ state }) => ['queued', 'starting', 'running'].includes(state));
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(() => void read(), lookMs);
    return () => clearInterval(timer);
  }, [isOpen]);
  if (!automation) return null;
  const { name, message, repositories, paused, schedule, template, model, budget } = automation;
  const facts = [
    [t('automations.schedule.kind'), schedule && describeSchedule(schedule)],
    [t('template'), template && templateNameOf(template)],
    [t('model'), model && formatModelLabel(model)],
    ...limits.map((kind) => {
      const limit = budget?.[kind];
      return [t(`automations.budget.${kind}`), limit != null && formatBudgetValue(kind, limit)] as const;
    }),
  ].filter(([, fact]) => fact);
  const change = () => showDialog(<AutomationForm automation={automation} back={() => openAutomation(id)} />);
  const start = () =>
    tryIt(t('automations.notStarted'), async () => {
      await mutate('automations.start', { id });
      await read();
    });
  const toggle = () =>
    tryIt(t(paused ? 'notResumed' : 'notPaused'), async () =>
      upsertAutomationInList(await mutate(paused ? 'automations.resume' : 'automations.pause', { id })),
    );
  const remove = () =>
    confirmAction({
      title: t('automations.delete', { name }),
      text: t('automations.deleteText'),
      yes: t('automations.deleteYes'),
      back: () => openAutomation(id),
      act: () => {
        void mutate('automations.delete', { id }).then(() => {
          automations.value = automations.value?.filter((one) => one.id !== id);
        });
        setTimeout(showAutomationsDialog);
      },
    });
  return (
    <Dialog title={name} wide>
      <p class={paused ? 'note wait' : 'quiet'}>{describeAutomationState(automation)}</p>
      {facts.length > 0 && (
        <dl class="facts grid">
          {facts.map(([about, fact]) => (
            <Fragment key={about}>
              <dt>{about}</dt>
              <dd>{fact}</dd>
            </Fragment>
          ))}
        </dl>
      )}
      {message !== '' && <blockquote class="automation-message padded scrolls pre rigid">{message}</blockquote>}
      {repositories.map(({ url, ref }) => (
        <p class="quiet mono" key={url}>
          {ref === undefined ? url : `${url}#${ref}`}
        </p>
      ))}
      <div class="choices start">
        <Button icon="back" label={t('automations.all')} onClick={showAutomationsDialog} />
        <Button kind="primary" icon="play" label={t('automations.startNow')} onClick={start} />
        <Button
          icon={paused ? 'play' : 'pause'}
          label={t(paused ? 'automations.resume' : 'automations.pause')}
          onClick={toggle}
        />
        <Button icon="edit" label={t('automations.change')} onClick={change} />
        <Button icon="trash" label={t('automations.deleteYes')} onClick={remove} />
      </div>
      <FormError text={trouble} />
      {automation.hook && <HookAddress id={id} hook={automation.hook} />}
      <WebhookNote />
      <h3>{t('automations.starts')}</h3>
      {starts.length === 0 && <p class="quiet">{t('automations.noStarts')}</p>}
      <ul class="automation-starts grid">
        {starts.map((start) => (
          <StartRow key={start.id} start={start} />
        ))}
      </ul>
    </Dialog>
  );
}

function StartRow({ start }: { start: AutomationStart }) {
  const { at, cause, state, outcome, text, sessionId, cost, endedAt } = start;
  const isWaiting =
    state === 'running' && sessions.value.some((one) => one.id === sessionId && one.status === 'waiting');
  const shown = isWaiting ? 'waiting' : state;
  const end = state === 'ended' && outcome ? t(`automations.end.${outcome.status}`) : t(`automations.state.${shown}`);
  return (
    <li class="row wrap border-bottom">
      <RelativeTime at={at} />
      <span class="quiet">{t(`automations.cause.${cause.kind}`)}</span>
      {cause.kind === 'hook' && cause.about !== '' && <span class="quiet">{cause.about}</span>}
      <strong>{end}</strong>
      {outcome?.goal && <span class="quiet">{t(`goal.${outcome.goal.result}`)}</span>}
      {endedAt !== null && <span class="quiet">{formatDuration(Date.parse(endedAt) - Date.parse(at))}</span>}
      {cost?.cost != null && <span class="quiet">{formatUsd(cost.cost)}</span>}
      {text !== '' && <span class="quiet">{translateServerText(text)}</span>}
      {sessionId !== null && (
        <Button class="small" label={t('automations.open')} onClick={() => openSessionFromDialog(sessionId)} />
      )}
    </li>
  );
}

import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { mutate, query } from '../../data/server.ts';
import { truncateLine } from '../../parts/bounded-text.ts';
import { Button } from '../../parts/kit/button.tsx';
import { CheckboxField } from '../../parts/kit/field.tsx';
import { useLoadedData } from '../../parts/kit/trouble.tsx';
import { notify, useBusyAction } from '../../parts/notice.tsx';
import { PullRequestFields } from '../../parts/proposal-fields.tsx';
import { t } from '../../text/text.ts';

export interface RepositoryLocation {
  readonly sessionId: string;
  readonly path: string;
}
type State = Outputs['pullRequests']['state'];

interface Props {
  readonly of: RepositoryLocation;
  /** Changes whenever the forge must be queried again. */
  readonly reads: number;
  readonly mayOpen: boolean;
  readonly onDone: () => void;
}

export function PullRequestView({ of, reads, mayOpen, onDone }: Props) {
  const read = () => query('pullRequests.state', of);
  const { now: state, problem } = useLoadedData(read, [of.sessionId, of.path, reads]);
  if (problem !== '' && !mayOpen) return null;
  if (!state || problem !== '') return <p class="quiet">{problem || t('ship.asking')}</p>;
  if (state.pullRequest === null)
    return mayOpen ? <OpenForm of={of} state={state} onDone={onDone} /> : <p class="quiet">{t('ship.none')}</p>;
  return <Opened of={of} state={state} pullRequest={state.pullRequest} onDone={onDone} />;
}

function OpenForm({ of, state: { forge, newUrl }, onDone }: Pick<Props, 'of' | 'onDone'> & { readonly state: State }) {
  const [title, setTitle] = useState('');
  const [text, setText] = useState('');
  const [isDraft, setDraft] = useState(false);
  const [isBusy, act] = useBusyAction();
  const name = t('ship.openOn', { forge: forge.label });
  const open = async () => {
    const isDone = await act(t('ship.notOpened'), () =>
      mutate('pullRequests.open', { ...of, title, text, draft: isDraft }),
    );
    if (isDone) onDone();
  };
  return (
    <form
      class="stack ship-form raised box padded"
      onSubmit={(event) => {
        event.preventDefault();
        void open();
      }}
    >
      <h3 class="breaks">{name}</h3>
      <PullRequestFields title={title} text={text} rows={4} onTitle={setTitle} onText={setText} />
      <CheckboxField label={t('ship.draft')} isOn={isDraft} onChange={setDraft} />
      <div class="row ship-row wrap">
        <Button type="submit" kind="primary" label={t('ship.openNow')} disabled={isBusy || title.trim() === ''} />
        {newUrl !== null && <Outside href={newUrl}>{t('ship.openThere', { forge: forge.label })}</Outside>}
      </div>
    </form>
  );
}

type OpenedProps = Pick<Props, 'of' | 'onDone'> & {
  readonly state: State;
  readonly pullRequest: NonNullable<State['pullRequest']>;
};

function Opened({ of, state: { comments, reviews, checks, unsent, isCut }, pullRequest, onDone }: OpenedProps) {
  const { number, title, state, draft, author, base, url } = pullRequest;
  const [isBusy, act] = useBusyAction();
  const sendAll = () =>
    act(t('ship.send'), async () => {
      const { sent } = await mutate('pullRequests.sendFeedback', of);
      notify(t('ship.sent', { n: sent }));
      onDone();
    });
  return (
    <div class="stack ship-request raised box padded">
      <h3 class="breaks">
        <Outside href={url}>{`#${number} ${truncateLine(title, 200)}`}</Outside>
      </h3>
      <p class="quiet">
        {t('ship.about', { state: t(draft && state === 'open' ? 'ship.isDraft' : `ship.${state}`), author, base })}
      </p>
      {checks.length > 0 && (
        <ul class="stack ship-files scrolls small-text breaks" aria-label={t('ship.checks')}>
          {checks.map(({ name, status, url: page }) => (
            <li key={name} class="row">
              <span class={status === 'failed' ? 'bad-text' : 'quiet'}>{t(`ship.check.${status}`)}</span>{' '}
              {page === null ? truncateLine(name, 200) : <Outside href={page}>{truncateLine(name, 200)}</Outside>}
            </li>
          ))}
        </ul>
      )}
      {reviews.length > 0 && (
        <ul class="stack ship-remarks" aria-label={t('ship.reviews')}>
          {reviews.map(({ id, author: who, verdict, text }) => (
            <li key={id} class="row">
              <p class="quiet">{t(`ship.verdict.${verdict}`, { who })}</p>
              {text !== '' && <p>{text.slice(0, 2_000)}</p>}
            </li>
          ))}
        </ul>
      )}
      {comments.length > 0 && (
        <ul class="stack ship-remarks" aria-label={t('ship.comments')}>
          {comments.map(({ id, author: who, text, place, status }) => (
            <li key={id} data-status={status}>
              <p class="quiet">
                {who}
                {place && ` · ${truncateLine(place.path, 200)}${place.line === null ? '' : `:${place.line}`}`}
                {status !== 'open' && ` · ${t(`ship.comment.${status}`)}`}
              </p>
              <p>{text.slice(0, 2_000)}</p>
            </li>
          ))}
        </ul>
      )}
      {isCut && <p class="quiet">{t('ship.cut')}</p>}
      <Button
        kind="primary"
        label={unsent === 0 ? t('ship.nothingToSend') : t('ship.sendN', { n: unsent })}
        disabled={isBusy || unsent === 0}
        onClick={sendAll}
      />
    </div>
  );
}

/** The link is untrusted: only http or https, and no `window.opener`. */
const Outside = ({ href, children }: { href: string; children: string }) =>
  /^https?:\/\//i.test(href) ? (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  ) : (
    <span>{children}</span>
  );

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { focusFirstButton } from '../focus.ts';
import { Button } from './button.tsx';
import { CopyButton } from './copy-button.tsx';
import { List, type ListItem } from './list.tsx';
import { FormError, LoadPlaceholder, useLoadAction } from './trouble.tsx';

type Outcome<Result> = string | ((result: Result) => string);

interface ResourceListState<Item> {
  readonly all: readonly Item[] | undefined;
  readonly setAll: (change: (now: readonly Item[]) => readonly Item[]) => void;
  readonly trouble: string;
  again(): void;
  readonly notice: string;
  /** Performs `work`, reloads the items, and shows the outcome. Resolves with true on success. */
  act<Result>(what: string, work: () => Promise<Result>, outcome?: Outcome<Result>): Promise<boolean>;
  reload(notice?: string): Promise<boolean>;
}

/** Error messages from the first load start with `unread`. */
export function useResourceList<Item>(unread: string, load: () => Promise<readonly Item[]>): ResourceListState<Item> {
  const [all, setAll] = useState<readonly Item[]>();
  const [notice, setNotice] = useState('');
  const read = async () => setAll(await load());
  const [trouble, tryIt, again] = useLoadAction(unread, read);
  const act: ResourceListState<Item>['act'] = (what, work, outcome = '') => {
    setNotice('');
    return tryIt(what, async () => {
      const result = await work();
      await read();
      setNotice(typeof outcome === 'string' ? outcome : outcome(result));
    });
  };
  const reload = (text = '') => act('', async () => {}, text);
  return { all, setAll: (change) => setAll((now = []) => change(now)), trouble, again, notice, act, reload };
}

export const upsertItem = <Item extends { readonly id: string }>(all: readonly Item[], one: Item): readonly Item[] =>
  all.some(({ id }) => id === one.id) ? all.map((other) => (other.id === one.id ? one : other)) : [one, ...all];

interface Props<Item> {
  readonly of: ResourceListState<Item>;
  readonly about?: string;
  readonly none?: string;
  readonly toItem: (item: Item) => ListItem;
  readonly head?: ComponentChildren;
  readonly children?: ComponentChildren;
}

export function ResourceList<Item>({
  of: { all, trouble, again, notice },
  about,
  none,
  toItem,
  head,
  children,
}: Props<Item>) {
  if (!all) return <LoadPlaceholder problem={trouble} again={again} />;
  return (
    <>
      {about !== undefined && <p class="quiet">{about}</p>}
      {head}
      <List {...(none !== undefined && { none })} items={all.map(toItem)} />
      <FormError text={trouble} />
      {notice !== '' && <p role="status">{notice}</p>}
      {children}
    </>
  );
}

interface SureProps {
  readonly label: string;
  /** Name for screen readers, such as `Revoke key build`. Includes the item's name. */
  readonly name: string;
  readonly ask: string;
  readonly act: () => unknown;
}

/** Confirms inline, so that the user does not leave the list. */
export function ConfirmButton({ label, name, ask, act }: SureProps) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) {
    return <Button class="small" kind="danger" label={label} aria-label={name} onClick={() => setAsking(true)} />;
  }
  return <InlineConfirmation label={label} name={name} ask={ask} act={act} end={() => setAsking(false)} />;
}

function enter(node: HTMLElement | null): void {
  node?.scrollIntoView({ block: 'nearest' });
  focusFirstButton(node);
}

export const InlineConfirmation = ({ label, name, ask, act, end }: SureProps & { end: () => void }) => (
  <span ref={enter} class="row sure wrap" role="group" aria-label={name}>
    <span>{ask}</span>
    <span class="row">
      <Button class="small" label={t('cancel')} onClick={end} />
      <Button
        class="small"
        kind="danger"
        label={label}
        onClick={() => {
          end();
          act();
        }}
      />
    </span>
  </span>
);

export const OneTimeSecret = ({ label, text }: { label: string; text: string }) => (
  <div ref={focusFirstButton} class="stack note good shown-once" role="status">
    <strong>{label}</strong>
    <span>{t('shownOnce')}</span>
    <span class="row secret-line">
      <code>{text}</code>
      <CopyButton text={text} />
    </span>
  </div>
);

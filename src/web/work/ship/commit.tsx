import { useState } from 'preact/hooks';
import { DiffLines } from '../../conversation/tool-result.tsx';
import { once, query, wordsOf } from '../../data/server.ts';
import type { DiffLine } from '../../parts/diff.ts';
import { Button } from '../../parts/kit/button.tsx';
import { LongTextField } from '../../parts/kit/field.tsx';
import { attempt } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { isLeftover, linesOfPatch, type Status } from './changes.ts';
import type { RepositoryAddress } from './pull-request.tsx';

interface Props {
  readonly of: RepositoryAddress;
  readonly status: Status;
  /** The message until the person writes another one. */
  readonly proposal: string;
  readonly onDone: () => void;
}

const mostShown = 100;
/** The changed files, of which a person chooses those of the commit, and its message. */
export function Commit({ of, status: { files, truncated }, proposal, onDone }: Props) {
  const [message, setMessage] = useState(proposal);
  const [left, setLeft] = useState<ReadonlySet<string>>(
    () => new Set(files.flatMap(({ path }) => (isLeftover(path) ? [path] : []))),
  );
  const [isBusy, setBusy] = useState(false);
  if (files.length === 0) return <p class="quiet">{t('ship.clean')}</p>;
  const chosen = files.filter(({ path }) => !left.has(path));
  const toggle = (path: string) => {
    const now = new Set(left);
    if (!now.delete(path)) now.add(path);
    setLeft(now);
  };
  const commit = async () => {
    setBusy(true);
    // Without a list the commit has every change, also those that the page does not list.
    const only =
      left.size === 0 ? {} : { files: chosen.flatMap(({ path, from }) => (from === null ? [path] : [from, path])) };
    const isDone = await attempt(t('ship.commit'), () => once('repositories.commit', { ...of, message, ...only }));
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
        {files.slice(0, mostShown).map(({ path, change }) => (
          <li key={path}>
            <input
              type="checkbox"
              aria-label={t('ship.include', { path })}
              checked={!left.has(path)}
              onChange={() => toggle(path)}
            />
            <FileDiff of={of} file={path} label={`${t(`ship.${change}`)} ${path}`} />
          </li>
        ))}
        {(truncated || files.length > mostShown) && <li class="quiet">{t('ship.more')}</li>}
      </ul>
      <LongTextField label={t('ship.message')} rows={2} required value={message} onChange={setMessage} />
      <Button type="submit" kind="primary" disabled={isBusy || message.trim() === '' || chosen.length === 0}>
        {t('ship.commitFiles', { n: chosen.length })}
      </Button>
    </form>
  );
}

/** The changes of a file, read when they are unfolded. */
function FileDiff({ of, file, label }: { of: RepositoryAddress; file: string; label: string }) {
  const [lines, setLines] = useState<readonly DiffLine[] | { readonly failed: string }>();
  const read = () =>
    query('repositories.diff', { ...of, file, since: 'head' }).then(
      ({ text }) => setLines(linesOfPatch(text)),
      (thrown: unknown) => setLines({ failed: wordsOf(thrown) }),
    );
  return (
    <details onToggle={({ currentTarget }) => currentTarget.open && lines === undefined && void read()}>
      <summary>{label}</summary>
      {lines && 'failed' in lines && <p class="bad-text">{lines.failed}</p>}
      {lines && !('failed' in lines) && <DiffLines lines={lines} textOf={(text) => text} />}
    </details>
  );
}

import { useState } from 'preact/hooks';
import { TextParts, useBeginning } from '../markdown/plain.tsx';
import { withHidden } from '../parts/bounded-text.ts';
import { Button } from '../parts/kit/button.tsx';
import { ProposalFields } from '../parts/proposal-fields.tsx';
import { t } from '../text/text.ts';

// A pull request that the agent wants to open. Its title and text are words for people, so they stand here as such.

type Args = Readonly<Record<string, unknown>>;
export type Proposal = Args & { readonly title: string; readonly text: string };

export const isProposal = (name: string, args: Args): args is Proposal =>
  name === 'open_pull_request' && typeof args.title === 'string' && typeof args.text === 'string';

/** To the letter; all of a very long text on request. */
export function Proposed({ proposal }: { proposal: Proposal }) {
  const { title, text, ...rest } = proposal;
  const { beginning, more } = useBeginning(text);
  return (
    <div class="approval-proposal">
      <h3>{withHidden(title.slice(0, 1_000))}</h3>
      {text !== '' && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls, also by keyboard
        <pre class="console" tabIndex={0}>
          <TextParts text={withHidden(beginning)} />
        </pre>
      )}
      {more}
      {Object.keys(rest).length > 0 && <p class="quiet">{withHidden(JSON.stringify(rest)).slice(0, 1_000)}</p>}
    </div>
  );
}

interface FormProps {
  readonly proposal: Proposal;
  readonly isBusy: boolean;
  readonly onCancel: () => void;
  readonly onDone: (changed: Record<string, unknown>) => void;
}

/** All other arguments stay as the agent has them. */
export function ProposalForm({ proposal, isBusy, onCancel, onDone }: FormProps) {
  const [title, setTitle] = useState(proposal.title);
  const [text, setText] = useState(proposal.text);
  return (
    <form
      class="approval-edit"
      onSubmit={(event) => {
        event.preventDefault();
        onDone({ ...proposal, title, text });
      }}
    >
      <ProposalFields
        title={title}
        text={text}
        rows={Math.min(12, Math.max(4, text.split('\n').length))}
        onTitle={setTitle}
        onText={setText}
      />
      <div class="choices">
        <Button onClick={onCancel}>{t('cancel')}</Button>
        <Button type="submit" kind="primary" disabled={isBusy || title.trim() === ''}>
          {t('approval.runChanged')}
        </Button>
      </div>
    </form>
  );
}

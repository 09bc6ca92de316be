import { useState } from 'preact/hooks';
import { Button } from '../../parts/kit/button.tsx';
import { t } from '../../text/text.ts';

interface Props {
  readonly label: string;
  /** The entry of the list, for screen readers. */
  readonly name: string;
  readonly ask: string;
  readonly act: () => unknown;
}

/** A button that asks in its own place, so that the person does not leave the list. */
export function Sure({ label, name, ask, act }: Props) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) {
    return (
      <Button class="small" kind="danger" aria-label={name} onClick={() => setAsking(true)}>
        {label}
      </Button>
    );
  }
  return (
    <span class="sure" role="group" aria-label={name}>
      <span>{ask}</span>
      <span class="row">
        <Button class="small" onClick={() => setAsking(false)}>
          {t('keepIt')}
        </Button>
        <Button
          class="small"
          kind="danger"
          onClick={() => {
            setAsking(false);
            act();
          }}
        >
          {label}
        </Button>
      </span>
    </span>
  );
}

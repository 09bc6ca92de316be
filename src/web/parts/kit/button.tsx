import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icon.tsx';

type Props = Omit<JSX.IntrinsicElements['button'], 'icon' | 'children'>;

/** `label` is the tooltip and the name for screen readers. */
export const IconButton = ({ icon, label, class: more, ...rest }: Props & { icon: IconName; label: string }) => (
  <button type="button" aria-label={label} title={label} {...rest} class={`icon-button ${more ?? ''}`}>
    <Icon name={icon} />
  </button>
);

export const ChipButton = ({
  icon,
  label,
  value,
  ...rest
}: Props & { icon?: IconName; label: string; value: string }) => (
  <button
    type="button"
    class="chip-button small-text"
    title={label}
    aria-haspopup="dialog"
    aria-label={value === '' ? label : `${label}: ${value}`}
    {...rest}
  >
    {icon && <Icon name={icon} size={15} />}
    <span>{value || label}</span>
  </button>
);

type Kind = 'plain' | 'primary' | 'danger' | 'quiet';

export const Button = ({
  kind = 'plain',
  icon,
  label,
  class: more,
  ...rest
}: Props & { kind?: Kind; icon?: IconName; label: ComponentChildren }) => (
  <button type="button" {...rest} class={`button ${kind === 'plain' ? '' : kind} ${more ?? ''}`}>
    {icon && <Icon name={icon} size={16} />}
    {label}
  </button>
);

import type { ComponentChildren } from 'preact';

interface Props {
  readonly text: string;
  readonly role?: 'status' | 'alert';
  /** What a person can do about it. */
  readonly children?: ComponentChildren;
}

/** In the place of something that is not there: why, and the next step. */
export const Empty = ({ text, role, children }: Props) => (
  <div class="empty" role={role}>
    <p class="quiet">{text}</p>
    {children}
  </div>
);

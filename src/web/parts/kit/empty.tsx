import type { ComponentChildren } from 'preact';

interface Props {
  readonly text: string;
  readonly role?: 'status' | 'alert';
  /** The next step. */
  readonly children?: ComponentChildren;
}

/** In the place of something that is not there: why, and a way out. */
export const Empty = ({ text, role, children }: Props) => (
  <div class="empty" role={role}>
    <p class="quiet">{text}</p>
    {children}
  </div>
);

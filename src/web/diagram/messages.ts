// The page and the frame that draws diagrams talk in these messages. Neither trusts the other's.

/** From the page: a text to draw. */
export interface DiagramOrder {
  readonly id: number;
  readonly source: string;
  readonly isDark: boolean;
}
/** The frame reports that it has loaded, or that a text was drawn or could not be. */
export type DiagramReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'drawn'; readonly id: number; readonly height: number }
  | { readonly kind: 'failed'; readonly id: number };
